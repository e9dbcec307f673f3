// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment
internal import ModelGraph

/// The comparison with a public model, as a member of `assessment.json`.
enum BackboneJSON {
    static func backbone(_ backbone: BackboneComparison, cuts: [CutMeasurement]) -> JSONText {
        .object([
            ("name", .string(backbone.name)), ("sha256", .string(backbone.sha256)),
            (
                "layers",
                .array(
                    backbone.layers.map { layer in
                        .object([
                            ("name", .string(layer.name)), ("status", .string(layer.status.rawValue)),
                            ("match", .optional(layer.match)), ("distance", .optional(layer.distance)),
                        ])
                    })
            ),
            (
                "cuts",
                .array(
                    cuts.map { cut in
                        let depth = backbone.depth(of: cut.name, nodesInside: cut.cut.nodesInside)
                        return .object([
                            ("name", .string(cut.name)), ("weightedLayers", .integer(depth.weighted)),
                            ("publicFromFirst", .integer(depth.leadingPublic)),
                            ("public", .integer(depth.publicLayers)), ("close", .integer(depth.close)),
                        ])
                    })
            ),
        ])
    }
}
