// SPDX-License-Identifier: Apache-2.0
import ModelGraph

/// Fuses an element-wise function into the node that produces its operand, if the function is that value's only use.
enum ActivationFusion: Pass {
    static let name = "activation fusion"
    // Some of these produce functions. The others match nodes only as long as no function is fused into them.
    static var after: [any Pass.Type] {
        [
            QuantizationMerging.self, HardSigmoidExpansion.self, SwishRecognition.self, BiasFusion.self,
            ChannelScalingFolding.self, BatchNormalizationExpansion.self, LinearRecognition.self,
        ]
    }

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard case .elementwise(let function) = node.kind, node.inputs.count == 1,
                let producer = rewriting.producer(ofOnlyUse: node.inputs[0]),
                draft.nodes[producer].kind.appliesFunctions
            else { return }
            draft.nodes[producer].post += [.elementwise(function)] + node.post
            draft.nodes[producer].fused += node.fused + [node.name]
            draft.nodes[producer].output = node.output
            rewriting.producers[node.output] = producer
            rewriting.dead.insert(position)
            draft.note(Self.self, node.name)
        }
    }
}

extension Draft.Kind {
    /// Whether the primitive can apply functions to its result before writing it.
    var appliesFunctions: Bool {
        switch self {
        case .scaleShift, .innerProduct, .matMul: true
        case .operation(.convolution), .operation(.arithmetic): true
        default: false
        }
    }
}
