// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph

/// The cuts that an assessment measures.
enum CutChoice {
    /// - Returns: Shallowest first, each once.
    /// - Throws: ``AssessmentError`` `.invalidCut` for an unknown name or a cut where the input itself would cross.
    static func cuts(
        _ selection: AssessmentConfiguration.CutSelection, of graph: Graph
    ) throws(AssessmentError) -> [Cut] {
        let cuts: [Cut]
        switch selection {
        case .assessable: cuts = graph.assessableCuts
        case .all: cuts = graph.cuts.filter { !$0.exposesInput && !$0.crossing.isEmpty }
        case .named(let names): cuts = try named(names, of: graph)
        }
        guard !cuts.isEmpty else {
            throw AssessmentError(
                .invalidCut, "there is no cut to assess: no position hides the input behind a single tensor")
        }
        return cuts
    }

    private static func named(_ names: [String], of graph: Graph) throws(AssessmentError) -> [Cut] {
        var chosen: [Cut] = []
        for name in names where !chosen.contains(where: { $0.name == name }) {
            let cut: Cut
            do throws(GraphError) { cut = try graph.cut(named: name) } catch {
                throw AssessmentError(.invalidCut, error.message)
            }
            guard !cut.exposesInput else {
                throw AssessmentError(
                    .invalidCut, "the input itself is used after cut '\(name)' and would cross: choose a deeper cut")
            }
            chosen.append(cut)
        }
        return chosen.sorted { $0.nodesInside < $1.nodesInside }
    }
}
