// SPDX-License-Identifier: Apache-2.0
package import Imaging
package import LeakageAssessment

/// `report.html`: one file that loads nothing, needs no script, and renders to the same bytes every time.
package enum ReportPage {
    /// - Throws: `ImagingError` when an image cannot be encoded.
    package static func html(of result: AssessmentResult) throws(ImagingError) -> String {
        let name = HTML.escape(result.model.name)
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Leakage assessment: \(name)</title>
            <style>\(ReportStyle.css)\(Gallery.rules(result.cuts.count))</style></head><body><main>
            <header><b>Leakage assessment: <code>\(name)</code></b><span>\(result.images) pictures · \(result.cuts.count) cuts · \
            validator \(HTML.escape(result.validator?.name ?? "the model itself"))</span>
            <span>Contains originals and reconstructions of your images: protect it as you protect them.</span></header>
            \(VerdictSection(result: result).html)
            \(try Gallery(result: result).html())
            \(LeakageCharts(result: result).html)
            \(BoundsSection(result: result).html)
            \(NoiseSection(result: result).html)
            \(ParetoChart(result: result).html)
            \(CostSection(result: result).html)
            \(CutTable(result: result).html)
            \(AttackSection(result: result).html)
            \(BackboneSection(result: result).html)
            \(MethodSection(result: result).html)
            </main></body></html>

            """
    }
}
