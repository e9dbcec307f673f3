// SPDX-License-Identifier: Apache-2.0
/// A rewriting of a draft that preserves its results.
package protocol Pass: Sendable {
    /// The name in `inspect --plan` and in tests.
    static var name: String { get }
    /// Passes that must run before this one, because it relies on their results or would change the patterns that they
    /// look for.
    static var after: [any Pass.Type] { get }
    static func apply(to draft: inout Draft) throws(InferenceError)
}

/// The passes in the order in which they run.
package enum Optimizer {
    package static var passes: [any Pass.Type] {
        [
            ViewRemoval.self,
            ConstantFolding.self,
            DeadCodeRemoval.self,
            QuantizationMerging.self,
            HardSigmoidExpansion.self,
            SwishRecognition.self,
            GELURecognition.self,
            LayerNormalizationRecognition.self,
            MatrixProductSelection.self,
            ViewPostponement.self,
            BiasFusion.self,
            ChannelScalingFolding.self,
            BatchNormalizationExpansion.self,
            PaddingMerging.self,
            LinearRecognition.self,
            ActivationFusion.self,
            LevelFusion.self,
            ResidualFusion.self,
            // Once more, for levels after a residual sum.
            LevelFusion.self,
            GateFolding.self,
            DeadCodeRemoval.self,
        ]
    }

    /// Applies the passes to a draft, in order.
    ///
    /// - Parameter passes: All passes, except in tests.
    /// - Throws: ``InferenceError``; `.internalFault` if a pass leaves an invalid draft and
    ///   ``PlanOptions/verifiesPasses`` is set.
    package static func optimize(
        _ draft: inout Draft, by passes: [any Pass.Type] = Optimizer.passes
    ) throws(InferenceError) {
        for pass in passes {
            try pass.apply(to: &draft)
            if draft.options.verifiesPasses { try DraftVerifier.check(draft, after: pass.name) }
        }
    }

    /// The first pass that runs before a pass of its ``Pass/after``; `nil` if the order is valid.
    package static func misplaced(in passes: [any Pass.Type]) -> (any Pass.Type)? {
        var seen: Set<ObjectIdentifier> = []
        for pass in passes {
            guard pass.after.allSatisfy({ seen.contains(ObjectIdentifier($0)) }) else { return pass }
            seen.insert(ObjectIdentifier(pass))
        }
        return nil
    }
}

extension Draft {
    /// Records that a pass changed a node.
    mutating func note(_ pass: (some Pass).Type, _ node: String) { log.append((pass.name, node)) }
}
