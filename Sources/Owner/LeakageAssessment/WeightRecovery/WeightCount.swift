// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Counts the numbers that a FrontNet's function depends on. Doubtful ones are left out, so that the count is a lower
/// estimate.
///
/// Counted are the constants of convolutions and matrix products, each once: weights (in kernels, only the positions
/// that ever meet the input rather than its padding), and one bias per channel if the layer, a batch normalisation or
/// an addition after it has one. Subtracted is what is not observable from outside. Before a ReLU, a hidden channel may
/// be scaled if the next layer is scaled back: one number per hidden channel. Without an activation in between, hidden
/// channels may be mixed: the square of their number. Other parameters are not counted.
struct WeightCount {
    private(set) var unknowns = 0

    private let graph: Graph
    private let nodes: ArraySlice<Node>
    /// The inside node that computes each value.
    private var makers: [String: Int] = [:]
    private var users: [String: [Int]] = [:]

    /// A convolution or a matrix product with constant weights.
    private struct Layer {
        let node: Int
        let weights: Int
        let channels: Int
        var bias: Int
    }

    init(of graph: Graph, inside cut: Cut) {
        self.graph = graph
        nodes = graph.nodes[..<cut.nodesInside]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs { makers[output] = index }
            for input in Set(node.inputs) { users[input, default: []].append(index) }
        }
        var layers: [Layer] = []
        var counted: Set<String> = []
        for index in nodes.indices {
            guard var layer = layer(at: index, &counted) else { continue }
            if layer.bias == 0 { layer.bias = laterBias(of: layer) }
            layers.append(layer)
        }
        for (place, layer) in layers.enumerated() {
            let isHidden = place < layers.count - 1
            let invisible =
                isHidden ? (isActivated(layer) ? layer.channels : squared(layer.channels)) : 0
            unknowns += max(0, layer.weights + layer.bias - invisible)
        }
    }

    /// Limit that no graph's channels exceed.
    private static let mostChannels = 1 << 30

    private func squared(_ channels: Int) -> Int { min(channels, Self.mostChannels) * min(channels, Self.mostChannels) }

    /// The constant that a value is derived from, also if it is stored as integers.
    private func constant(_ name: String) -> String? {
        if graph.constants[name] != nil { return name }
        guard let maker = makers[name], case .dequantizeLinear = nodes[maker].operation else { return nil }
        return nodes[maker].inputs.first.flatMap { graph.constants[$0] == nil ? nil : $0 }
    }

    private func layer(at index: Int, _ counted: inout Set<String>) -> Layer? {
        let node = nodes[index]
        let channels: Int
        let place: Int
        var weights: Int
        switch node.operation {
        case .convolution(let convolution):
            let shape = graph.type(of: node.inputs[1]).shape
            (place, channels, weights) = (1, shape[0], shape[0] * shape[1])
            let (input, output) = (graph.type(of: node.inputs[0]).shape, graph.type(of: node.outputs[0]).shape)
            for axis in convolution.window.kernel.indices {
                weights *= convolution.window.positionsThatMeet(
                    extent: input[axis + 2], results: output[axis + 2], axis: axis)
            }
        case .gemm, .matMul:
            guard let found = [1, 0].first(where: { constant(node.inputs[$0]) != nil }) else { return nil }
            let shape = graph.type(of: node.inputs[found]).shape
            (place, weights) = (found, shape.elementCount)
            channels = graph.type(of: node.outputs[0]).shape.dimensions.last ?? 1
        default: return nil
        }
        guard let name = constant(node.inputs[place]), counted.insert(name).inserted else { return nil }
        var bias = 0
        if node.inputs.count == 3, let name = constant(node.inputs[2]), counted.insert(name).inserted {
            bias = min(channels, graph.type(of: node.inputs[2]).shape.elementCount)
        }
        return Layer(node: index, weights: weights, channels: channels, bias: bias)
    }

    /// The only inside node that uses the node's output; `nil` where there are several or one is outside.
    private func onlyUser(of node: Int) -> Int? {
        guard nodes[node].outputs.count == 1, let users = users[nodes[node].outputs[0]], users.count == 1 else {
            return nil
        }
        return users[0]
    }

    /// Number of biases from a batch normalisation or an addition right after a layer without biases.
    private func laterBias(of layer: Layer) -> Int {
        guard let next = onlyUser(of: layer.node) else { return 0 }
        switch nodes[next].operation {
        case .batchNormalization: return layer.channels
        case .arithmetic(let arithmetic) where arithmetic.function == .add:
            let constants = nodes[next].inputs.filter { graph.constants[$0] != nil }
            return constants.count == 1 ? min(layer.channels, graph.type(of: constants[0]).shape.elementCount) : 0
        default: return 0
        }
    }

    /// Whether an activation follows, possibly after a batch normalisation or the addition of a bias.
    private func isActivated(_ layer: Layer) -> Bool {
        var node = layer.node
        while let next = onlyUser(of: node) {
            switch nodes[next].operation {
            case .activation: return true
            case .batchNormalization: node = next
            case .arithmetic where nodes[next].inputs.contains(where: { graph.constants[$0] != nil }): node = next
            default: return false
            }
        }
        return false
    }
}

extension Window {
    /// Number of kernel positions along an axis that meet the input, and not only its padding, for some output.
    fileprivate func positionsThatMeet(extent: Int, results: Int, axis: Int) -> Int {
        let (stride, pad) = (strides[axis], padBefore(axis))
        return (0..<kernel[axis]).count { position in
            // The first output whose window has this position at or after the start of the input.
            let offset = pad - position * dilations[axis]
            let first = offset <= 0 ? 0 : (offset + stride - 1) / stride
            return first < results && first * stride - offset < extent
        }
    }
}
