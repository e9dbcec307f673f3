// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// The section on noise at the boundary and its bounds.
struct BoundsSection {
    let result: AssessmentResult

    var html: String {
        guard let example = result.cuts.lazy.compactMap(\.bounds).first else { return "" }
        return """
            <section id="bounds"><h2>If noise were added to what crosses</h2><p>Estimates from exact derivatives at \
            \(example.pictures) pictures, \(example.probes) random directions each, and from the distances between the \
            pictures. σ is the standard deviation of Gaussian noise on every number that crosses, as a multiple of the root mean \
            square of those numbers: far above 1, the network no longer sees the picture either.</p>
            <div class="wide" tabindex="0" role="region" aria-label="Bounds"><table class="numbers"><thead><tr><th scope="col">after</th><th scope="col">tr(JᵀJ)/d ± error</th>\
            <th scope="col">σ for a floor of 20 dB</th><th scope="col">for the picture at the 95th percentile</th>\
            <th scope="col">thumbnail’s floor at σ = 1</th><th scope="col">named at σ = 1, and Fano’s bound</th>\
            <th scope="col">σ to be named in at most 10 %</th>\
            <th scope="col">white box R²</th></tr></thead><tbody>\(rows)</tbody></table></div>
            <p>No certificate. The floor holds for unbiased adversaries with one observation; the decoders above \
            are biased and beat it. ReLU and max-pooling are not differentiable everywhere; the bound ignores that. Sending a \
            picture k times multiplies what is learned by k unless the noise repeats. “Named” means identified among the \
            \(example.candidates) pictures assessed, by an adversary who has them all. The white-box attack descends the FrontNet’s own gradient from the \
            mean picture; adversaries with better priors recover more.</p></section>
            """
    }

    private func share(_ estimate: Estimate) -> String {
        let share = Format.percent(estimate.value)
        return estimate.standardError.isFinite ? "\(share) ± \(Format.percent(estimate.standardError))" : share
    }

    private var rows: String {
        result.cuts.map { cut in
            let cells: [String]
            if let bounds = cut.bounds {
                func multiple(_ sigma: Double?) -> String {
                    guard let sigma, bounds.rootMeanSquare > 0 else { return "–" }
                    return Format.number(sigma / bounds.rootMeanSquare) + " ×"
                }
                let level = bounds.levels.min {
                    abs($0.sigma - bounds.rootMeanSquare) < abs($1.sigma - bounds.rootMeanSquare)
                }
                cells = [
                    "\(Format.number(bounds.trace.mean)) ± \(Format.number(bounds.trace.standardError))",
                    multiple(bounds.sigmaForFloor), multiple(bounds.sigmaForStrictFloor),
                    level.map { Format.number($0.thumbnailPeakSignalToNoise) + " dB" } ?? "–",
                    level.map { "\(share($0.identification)), \(share($0.identificationBound))" } ?? "–",
                    multiple(bounds.sigmaForAnonymity),
                ]
            } else {
                cells = ["–", "–", "–", "–", "–", "–"]
            }
            let attack = cut.whiteBox.map {
                "\(Format.number($0.rSquared)) (SSIM \(Format.number($0.similarity)))"
            }
            return "<tr><th scope=\"row\"><code>\(HTML.escape(cut.name))</code></th>"
                + (cells + [attack ?? "–"]).map { "<td>\($0)</td>" }.joined() + "</tr>"
        }.joined()
    }
}
