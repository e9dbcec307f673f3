// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment
internal import Tensors

/// What decoders recover under noise, and from the mean of near-duplicates; empty where noise was not tried.
struct NoiseSection {
    let result: AssessmentResult

    var html: String {
        let rows = result.cuts.compactMap { cut in cut.noise.map { row(cut, $0) } }
        guard !rows.isEmpty else { return "" }
        let heads =
            ["cut after", "σ", "class kept", "decoders", "R² without noise"]
            + NoiseMeasurement.copies.map { $0 == 1 ? "R² under it" : "mean of \($0)" }
        return """
            <section id="noise"><h2>Under noise on what crosses</h2>
            <p>Decoders that learned under the noise, with the pictures at hand; learning curves were not measured under it, so \
            no cut passes by noise. The enclave derives the noise from the input: pictures that differ by one step in one pixel \
            have independent noise, and an attacker averages what crosses for 4, 16 or 64 of them. σ is the smallest under which \
            the decoders stay within the gates at the cut, or else the largest that keeps the class.</p>
            <div class="wide" tabindex="0" role="region" aria-label="Under noise on what crosses"><table class="numbers"><thead>\
            <tr>\(heads.map { "<th scope=\"col\">\($0)</th>" }.joined())</tr></thead><tbody>\(rows.joined())</tbody></table>\
            </div></section>
            """
    }

    private func row(_ cut: CutMeasurement, _ noise: NoiseMeasurement) -> String {
        let averaged = NoiseMeasurement.copies.map { count in
            let found = noise.repeated.first { $0.count == count }
            return "<td>\(found.map { Format.number($0.rSquared) } ?? "–")</td>"
        }
        return "<tr><th scope=\"row\"><code>\(HTML.escape(HTML.shortened(cut.name, limit: 30)))</code></th>"
            + "<td>\(Format.significant(noise.sigma.value))</td><td>\(Format.percent(noise.agreement))</td>"
            + "<td class=\"\(noise.holds ? "good" : "bad")\">\(noise.holds ? "within" : "beyond")</td>"
            + "<td>\(Format.number(cut.decoder.rSquared))</td>\(averaged.joined())</tr>"
    }
}
