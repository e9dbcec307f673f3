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
