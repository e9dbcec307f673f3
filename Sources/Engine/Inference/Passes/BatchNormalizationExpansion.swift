// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Replaces a BatchNormalization whose parameters are not all constant by arithmetic.
enum BatchNormalizationExpansion: Pass {
    static let name = "batch normalisation expansion"
    // That pass folds or replaces those whose parameters are all constant.
    static var after: [any Pass.Type] { [ChannelScalingFolding.self] }

    static func apply(to draft: inout Draft) throws(InferenceError) {
        var nodes: [Draft.Node] = []
        for node in draft.nodes {
            if case .operation(.batchNormalization(let normalization)) = node.kind {
                nodes += try expanded(node, normalization, &draft)
            } else {
                nodes.append(node)
            }
        }
        draft.nodes = nodes
    }

    private static func expanded(
        _ node: Draft.Node, _ normalization: BatchNormalization, _ draft: inout Draft
    ) throws(InferenceError) -> [Draft.Node] {
        draft.note(Self.self, node.name)
        let whole = draft.type(node.output)
        var channels = whole.shape.dimensions.map { _ in 1 }
        channels[1] = whole.shape[1]
        let perChannel: TensorType
        do throws(TensorError) { perChannel = TensorType(.float32, try Shape(channels)) } catch {
            throw InferenceError(.unsupported, "node '\(node.name)': \(error.message)")
        }
        var nodes: [Draft.Node] = []
        func add(_ kind: Draft.Kind, _ inputs: [String], _ label: String, _ type: TensorType) -> String {
            let output = label.isEmpty ? node.output : draft.freshName("\(node.output)/\(label)")
            draft.types[output] = type
            nodes.append(Draft.Node(name: node.name, kind: kind, inputs: inputs, output: output))
            return output
        }
        func arithmetic(_ function: Arithmetic.Function) -> Draft.Kind { .operation(.arithmetic(Arithmetic(function))) }

        let parameters = node.inputs.dropFirst().map { add(.view, [$0], "parameter", perChannel) }
        let variance = add(
            .elementwise(Elementwise(.linear, alpha: 1, beta: normalization.epsilon)), [parameters[3]], "variance",
            perChannel)
        let deviation = add(.elementwise(Elementwise(.squareRoot)), [variance], "deviation", perChannel)
        let centred = add(arithmetic(.subtract), [node.inputs[0], parameters[2]], "centred", whole)
        let normalized = add(arithmetic(.divide), [centred, deviation], "normalised", whole)
        let scaled = add(arithmetic(.multiply), [normalized, parameters[0]], "scaled", whole)
        _ = add(arithmetic(.add), [scaled, parameters[1]], "", whole)
        return nodes
    }
}
