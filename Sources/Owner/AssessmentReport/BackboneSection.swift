// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment
internal import ModelGraph

/// How much of each FrontNet is public, if a public model was compared.
struct BackboneSection {
    let result: AssessmentResult

    var html: String {
        guard let backbone = result.backbone else { return "" }
        let rows = result.cuts.map { cut in
            let depth = backbone.depth(of: cut.name, nodesInside: cut.cut.nodesInside)
            return "<tr><th scope=\"row\"><code>\(HTML.escape(depth.cut))</code></th><td>\(depth.weighted)</td>"
                + "<td>\(depth.leadingPublic)</td><td>\(depth.publicLayers)</td><td>\(depth.close)</td></tr>"
        }.joined()
        return """
            <section id="backbone"><h2>How much of the FrontNet is public</h2>
            <p>\(HTML.escape(backbone.summary)) Whoever has the first layers inverts what they make with the model itself. Layers \
            are matched by the shape and values of their weights, in any order of layers or channels; biases are not looked at, \
            and a batch normalisation that only one of the files has folded into a layer makes it different. Close: a distance \
            of at most \(Format.number(BackboneComparison.closeDistance)) of the public weights' norm.<br>
            <code>SHA-256 \(HTML.escape(backbone.sha256))</code></p>
            <div class="wide" tabindex="0" role="region" aria-label="How much of the FrontNet is public"><table class="numbers"><thead><tr><th scope="col">FrontNet up to</th><th scope="col">weighted layers</th>\
            <th scope="col">public from the first on</th><th scope="col">public in all</th><th scope="col">close</th></tr></thead>\
            <tbody>\(rows)</tbody></table></div></section>
            """
    }
}
