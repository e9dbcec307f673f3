// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Multiplies the constant weights of a 1x1 convolution by the gate of its input channels (squeeze-and-excite), instead
/// of the convolution's input, which has many more values. A gate whose magnitude has no small bound is not folded,
/// because the weights could overflow where the input would not.
///
/// The pass applies to float32 and to batches of one image: weights in reduced precision have to be constants, and each
/// image has its own gate. It needs AVX-512: without it, reordering the weights costs more than the pass saves.
enum GateFolding: Pass {
    static let name = "gate folding"
    // The first folds scales, but only into weights that are still constant. The second fuses the functions whose
    // bounds this pass looks for.
    static var after: [any Pass.Type] { [ChannelScalingFolding.self, ActivationFusion.self] }

    static func apply(to draft: inout Draft) {
        guard draft.options.foldsGates, case .float32 = draft.options.precision, ProcessorSupport.hasAVX512 else {
            return
        }
        let (uses, producers) = (draft.uses, draft.producers)
        var replacements: [Int: [Draft.Node]] = [:]
        for position in draft.nodes.indices {
            let node = draft.nodes[position]
            guard node.kind.isConvolution, uses[node.inputs[0]] == 1, let producer = producers[node.inputs[0]],
                let (x, gate) = gated(draft.nodes[producer], draft), isBounded(gate, draft, producers),
                let weights = scaledWeights(
                    of: node, by: gate, draft.nodes[producer].name, draft.shape(x), &draft)
            else { continue }
            replacements[producer] = weights.nodes
            draft.nodes[position].inputs[0] = x
            draft.nodes[position].inputs[1] = weights.output
            draft.note(Self.self, draft.nodes[producer].name)
        }
        draft.nodes = draft.nodes.enumerated().flatMap { replacements[$0.offset] ?? [$0.element] }
    }

    /// The operands of a multiplication of x `[1, c, …]` by a factor per channel `[1, c, 1…]`.
    private static func gated(_ node: Draft.Node, _ draft: Draft) -> (x: String, gate: String)? {
        guard case .operation(.arithmetic(let arithmetic)) = node.kind, arithmetic.function == .multiply,
            node.post.isEmpty, node.inputs.allSatisfy({ draft.constants[$0] == nil })
        else { return nil }
        let shape = draft.shape(node.output)
        guard shape.count >= 3, shape[0] == 1 else { return nil }
        let channels = [1, shape[1]] + shape.dropFirst(2).map { _ in 1 }
        for (x, gate) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
        where draft.shape(x) == shape && draft.shape(gate) == channels { return (x, gate) }
        return nil
    }

    /// Whether a value is the result of a logistic function, of tanh, or of a clip within ``largestGate``; views may
    /// follow.
    private static func isBounded(_ value: String, _ draft: Draft, _ producers: [String: Int]) -> Bool {
        var value = value
        while let position = producers[value] {
            let node = draft.nodes[position]
            if case .view = node.kind {
                value = node.inputs[0]
                continue
            }
            let last = node.post.last ?? node.kind.function.map(Draft.Post.elementwise)
            guard case .elementwise(let function) = last else { return false }
            switch function.function {
            case .logistic, .tanh: return true
            case .clip: return max(abs(function.alpha), abs(function.beta)) <= largestGate
            default: return false
            }
        }
        return false
    }

    /// The nodes that compute the scaled weights, and the name of their result. They multiply matrices, for which
    /// oneDNN has fast code.
    ///
    /// - Parameters:
    ///   - name: The name of the new nodes.
    ///   - source: The shape of the convolution's input, `[1, channels, …]`.
    /// - Returns: `nil` for a convolution that is not 1x1, has groups, or has too few pixels for its weights.
    private static func scaledWeights(
        of node: Draft.Node, by gate: String, _ name: String, _ source: [Int], _ draft: inout Draft
    ) -> (nodes: [Draft.Node], output: String)? {
        guard case .operation(.convolution(let convolution)) = node.kind, convolution.groups == 1,
            convolution.window.kernel.allSatisfy({ $0 == 1 }), let weights = draft.constants[node.inputs[1]]
        else { return nil }
        let (results, channels) = (weights.shape.dimensions[0], source[1])
        guard source.dropFirst(2).reduce(1, *) / leastPixelsPerResult >= results,
            let matrix = try? weights.reshaped([results, channels]), let row = try? Shape([1, channels])
        else { return nil }
        func value(_ type: TensorType, _ label: String) -> String {
            let name = draft.freshName("\(node.name)/\(label)")
            draft.types[name] = type
            return name
        }
        let factors = value(TensorType(.float32, row), "gate")
        let product = value(matrix.type, "product")
        let output = value(weights.type, "weights")
        let constant = draft.addConstant(matrix, "\(node.inputs[1])*")
        return (
            [
                Draft.Node(name: name, kind: .view, inputs: [gate], output: factors),
                Draft.Node(
                    name: name, kind: .operation(.arithmetic(Arithmetic(.multiply))), inputs: [constant, factors],
                    output: product),
                Draft.Node(name: name, kind: .view, inputs: [product], output: output),
            ], output
        )
    }

    /// The largest magnitude of a clipped gate that is folded.
    private static let largestGate: Float = 6

    /// The least number of pixels per output channel for which scaling and reordering the weights costs less than
    /// scaling the input.
    private static let leastPixelsPerResult = 64
}

extension Draft.Kind {
    fileprivate var function: Elementwise? { if case .elementwise(let function) = self { function } else { nil } }
}
