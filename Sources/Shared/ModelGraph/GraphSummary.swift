// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Graph {
    /// For each node, the elements of the constants that it is the first to use.
    package var parametersByNode: [Int] {
        var counted: Set<String> = []
        return nodes.map { node in
            node.inputs.reduce(0) { sum, input in
                guard let constant = constants[input], counted.insert(input).inserted else { return sum }
                return sum + constant.shape.elementCount
            }
        }
    }

    /// Elements in all constants.
    package var parameters: Int { constants.values.reduce(0) { $0 + $1.shape.elementCount } }

    /// Multiply-accumulate operations of each node.
    package var multiplyAddsByNode: [Int] {
        nodes.map { node in
            node.operation.attributes.multiplyAdds(
                operands: node.inputs.map(type(of:)), results: node.outputs.map(type(of:)))
        }
    }

    /// Bytes of all constants.
    package var constantBytes: Int { constants.values.reduce(0) { $0 + $1.byteCount } }
}

extension Graph {
    /// Whether the only output consists of probabilities: it comes from a softmax or a sigmoid, possibly followed by
    /// views or rounding.
    package var endsInProbabilities: Bool {
        let makers = Dictionary(
            nodes.flatMap { node in node.outputs.map { ($0, node) } }, uniquingKeysWith: { first, _ in first })
        guard outputs.count == 1, var node = makers[outputs[0]] else { return false }
        while true {
            switch node.operation {
            case .softmax: return true
            case .activation(let activation): return activation.function == .sigmoid
            case .identity, .reshape, .flatten, .squeeze, .unsqueeze, .quantizeLinear, .dequantizeLinear:
                guard let previous = makers[node.inputs[0]] else { return false }
                node = previous
            case .concat:
                // With two classes, the second output is the probability itself.
                guard let last = node.inputs.last, let previous = makers[last] else { return false }
                node = previous
            default: return false
            }
        }
    }
}
