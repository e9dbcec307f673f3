// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// An element-wise function of two operands with NumPy's broadcasting.
package struct Arithmetic: Operator {
    package enum Function: UInt8, Sendable, Hashable, CaseIterable {
        case add = 1
        case subtract = 2
        case multiply = 3
        case divide = 4
        case maximum = 5
        case minimum = 6
        /// The first to the power of the second.
        case power = 7
        /// 1 where the operands are equal, else 0.
        case equal = 8
        /// 1 where the first is greater, else 0.
        case greater = 9
        /// 1 where the first is greater or equal, else 0.
        case greaterOrEqual = 10
        /// The first where the second is not 0, else 0, also if the first is not finite.
        case keep = 11

        /// Whether the result is a condition, as 0 or 1.
        package var isComparison: Bool { self == .equal || self == .greater || self == .greaterOrEqual }
    }

    package var function: Function

    package init(_ function: Function) { self.function = function }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 2...2)
        return [TensorType(.float32, try Self.broadcast(operands[0].shape, operands[1].shape))]
    }

    /// The shape that both shapes broadcast to.
    package static func broadcast(_ first: Shape, _ second: Shape) throws(GraphError) -> Shape {
        let rank = max(first.rank, second.rank)
        let left = [Int](repeating: 1, count: rank - first.rank) + first.dimensions
        let right = [Int](repeating: 1, count: rank - second.rank) + second.dimensions
        var result: [Int] = []
        for (a, b) in zip(left, right) {
            try require(a == b || a == 1 || b == 1, "shapes \(first) and \(second) do not broadcast")
            result.append(a == 1 ? b : a)
        }
        return try shape(result)
    }

    package func encode(into writer: inout ByteWriter) { writer.write(function.rawValue) }

    package init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("arithmetic")
        guard let function = Function(rawValue: code) else {
            throw TensorError(.malformed, "arithmetic code \(code) is unknown")
        }
        self.function = function
    }
}
