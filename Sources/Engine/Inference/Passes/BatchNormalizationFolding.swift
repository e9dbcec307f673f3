import ModelGraph
import OneDNN
import Tensors

/// Folds BatchNormalization into the weights of the convolution before it, or writes it as one scale and one shift per
/// channel. Factors are computed in Double and rounded once.
enum BatchNormalizationFolding: Pass {
    static let name = "batch normalisation folding"

    static func apply(to draft: inout Draft) throws(InferenceError) {
        let (uses, producers) = (draft.uses, draft.producers)
        var replacements: [String: Int] = [:]
        var dead: Set<Int> = []
        for position in draft.nodes.indices {
            let node = draft.nodes[position]
            guard case .operation(.batchNormalization(let normalization)) = node.kind else { continue }
            guard let affine = Affine(node, normalization, draft) else { continue }
            let input = node.inputs[0]
            // After an earlier fold the convolution makes the folded node's value.
            let producer = replacements[input] ?? producers[input]
            if let producer, uses[input] == 1, fold(affine, into: producer, &draft) {
                draft.nodes[producer].output = node.output
                draft.nodes[producer].fused.append(node.name)
                replacements[node.output] = producer
                dead.insert(position)
            } else {
                let scale = Constants.make(affine.shape, draft.options) { Float(affine.scale[$0]) }
                let shift = Constants.make(affine.shape, draft.options) { Float(affine.shift[$0]) }
                draft.nodes[position].kind = .scaleShift
                draft.nodes[position].inputs = [
                    input, draft.addConstant(scale, "\(node.name)/scale"),
                    draft.addConstant(shift, "\(node.name)/shift"),
                ]
            }
            draft.note(Self.self, node.name)
        }
        draft.remove(dead)
    }

    /// y = scale * x + shift per channel.
    private struct Affine {
        let shape: Shape
        var scale: [Double] = []
        var shift: [Double] = []

        init?(_ node: Draft.Node, _ normalization: BatchNormalization, _ draft: Draft) {
            var parameters: [[Float]] = []
            for input in node.inputs.dropFirst() {
                guard let values = try? draft.constants[input]?.floats() else { return nil }
                parameters.append(values)
            }
            shape = draft.type(node.inputs[1]).shape
            for channel in 0..<shape.elementCount {
                let variance = Double(parameters[3][channel]) + Double(normalization.epsilon)
                let factor = Double(parameters[0][channel]) / variance.squareRoot()
                scale.append(factor)
                shift.append(Double(parameters[1][channel]) - Double(parameters[2][channel]) * factor)
            }
        }
    }

    private static func fold(_ affine: Affine, into producer: Int, _ draft: inout Draft) -> Bool {
        let node = draft.nodes[producer]
        guard case .operation(.convolution) = node.kind, node.post.isEmpty,
            let weights = draft.constants[node.inputs[1]]
        else { return false }
        let bias = node.inputs.count == 3 ? try? draft.constants[node.inputs[2]]?.floats() : nil
        guard node.inputs.count == 2 || bias != nil else { return false }
        let perChannel = max(1, weights.shape.elementCount / max(1, affine.scale.count))
        let folded = weights.withElements(as: Float.self) { elements in
            Constants.make(weights.shape, draft.options) {
                Float(Double(elements[$0]) * affine.scale[$0 / perChannel])
            }
        }
        let foldedBias = Constants.make(affine.shape, draft.options) {
            Float(Double(bias?[$0] ?? 0) * affine.scale[$0] + affine.shift[$0])
        }
        draft.nodes[producer].inputs = [
            node.inputs[0], draft.addConstant(folded, "\(node.inputs[1])*"),
            draft.addConstant(foldedBias, "\(node.name)/bias"),
        ]
        return true
    }
}
