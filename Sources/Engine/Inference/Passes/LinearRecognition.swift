// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Replaces arithmetic with one constant number by a linear function of the other operand. Linear functions have fast
/// code in every layout, and the preceding product can apply them.
enum LinearRecognition: Pass {
    static let name = "linear recognition"
    // They recognise arithmetic with constants, which this pass replaces.
    static var after: [any Pass.Type] {
        [
            GELURecognition.self, LayerNormalizationRecognition.self, BiasFusion.self, ChannelScalingFolding.self,
        ]
    }

    static func apply(to draft: inout Draft) {
        for position in draft.nodes.indices {
            let node = draft.nodes[position]
            guard case .operation(.arithmetic(let arithmetic)) = node.kind, node.inputs.count == 2 else { continue }
            for operand in 0...1 {
                guard let function = function(arithmetic.function, of: operand, node, draft) else { continue }
                draft.nodes[position].kind = .elementwise(function)
                draft.nodes[position].inputs = [node.inputs[operand]]
                draft.note(Self.self, node.name)
                break
            }
        }
    }

    private static func function(
        _ function: Arithmetic.Function, of operand: Int, _ node: Draft.Node, _ draft: Draft
    ) -> Elementwise? {
        guard let constant = draft.constants[node.inputs[1 - operand]], constant.element == .float32,
            constant.shape.elementCount == 1, draft.constants[node.inputs[operand]] == nil,
            draft.type(node.inputs[operand]) == draft.type(node.output)
        else { return nil }
        let number = constant.withElements(as: Float.self) { $0[0] }
        switch (function, operand) {
        case (.multiply, _): return Elementwise(.linear, alpha: number, beta: 0)
        case (.add, _): return Elementwise(.linear, alpha: 1, beta: number)
        case (.subtract, 0): return Elementwise(.linear, alpha: 1, beta: -number)
        case (.subtract, _): return Elementwise(.linear, alpha: -1, beta: number)
        default: return nil
        }
    }
}
