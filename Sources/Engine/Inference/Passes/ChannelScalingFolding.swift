// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Folds BatchNormalization, and arithmetic with a constant per channel, into the weights of the preceding convolution
/// or into a preceding scaling. A BatchNormalization that cannot be folded becomes one scale and one shift per channel.
/// Factors are computed in Double.
enum ChannelScalingFolding: Pass {
    static let name = "channel scaling folding"
    // They recognise patterns by constants that this pass folds.
    static var after: [any Pass.Type] { [GELURecognition.self, LayerNormalizationRecognition.self] }

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard let scaling = ChannelScaling(node, draft) else { return }
            if let producer = rewriting.producer(ofOnlyUse: scaling.input),
                fold(scaling, into: producer, rewriting.uses, &draft)
            {
                draft.nodes[producer].output = node.output
                draft.nodes[producer].fused.append(node.name)
                // The producer computes the folded node's value from now on.
                rewriting.producers[node.output] = producer
                rewriting.dead.insert(position)
                draft.note(Self.self, node.name)
            } else if case .operation(.batchNormalization) = node.kind {
                draft.nodes[position].kind = .scaleShift
                draft.nodes[position].inputs = [scaling.input] + scaling.constants(node.name, &draft)
                draft.note(Self.self, node.name)
            }
        }
    }

    private static func fold(
        _ scaling: ChannelScaling, into producer: Int, _ uses: [String: Int], _ draft: inout Draft
    ) -> Bool {
        let node = draft.nodes[producer]
        guard node.post.isEmpty else { return false }
        switch node.kind {
        case .scaleShift:
            guard let scale = draft.constants[node.inputs[1]], let shift = draft.constants[node.inputs[2]],
                [scale, shift].allSatisfy({ $0.element == .float32 && $0.shape == scaling.shape })
            else { return false }
            let composed = scaling.after(scale: scale, shift: shift, draft.options)
            draft.nodes[producer].inputs = [node.inputs[0]] + composed.constants(node.name, &draft)
            return true
        case .operation(.convolution):
            guard let weights = draft.constants[node.inputs[1]] else { return false }
            var bias: Tensor?
            if node.inputs.count == 3 {
                bias = draft.constants[node.inputs[2]]
                guard bias?.element == .float32 else { return false }
            }
            let folded = scaled(weights, scaling.scale, draft.options)
            let foldedBias = Constants.make(scaling.shape, draft.options) {
                Float(Double(bias?.float($0) ?? 0) * scaling.scale[$0] + scaling.shift[$0])
            }
            draft.nodes[producer].inputs = [
                node.inputs[0], draft.addConstant(folded, "\(node.inputs[1])*"),
                draft.addConstant(foldedBias, "\(node.name)/bias"),
            ]
            // Releases the unfolded weights if nothing else uses them. A name that this pass made is not in `uses`, and
            // has one use.
            if uses[node.inputs[1], default: 1] == 1 { draft.constants[node.inputs[1]] = nil }
            return true
        default: return false
        }
    }

    /// Weights `[output channels, …]`, each output channel multiplied by its factor.
    private static func scaled(_ weights: Tensor, _ factors: Factors, _ options: PlanOptions) -> Tensor {
        Tensor(type: weights.type, allocator: options.allocatorOfWeights) { bytes in
            let target = bytes.bindMemory(to: Float.self)
            weights.withElements(as: Float.self) { source in
                let count = source.count / max(1, factors.count)
                for channel in 0..<factors.count {
                    let factor = factors[channel]
                    for index in channel * count..<(channel + 1) * count {
                        target[index] = Float(Double(source[index]) * factor)
                    }
                }
            }
        }
    }
}
