// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `ReduceSum`, `ReduceMax` and `ReduceMin` over axes; over all when none is named. The mean is ``ReduceMean``.
package struct Reduction: Operator {
    package enum Function: UInt8, Sendable, Hashable, CaseIterable {
        case sum = 1
        case maximum = 2
        case minimum = 3
    }

    package var function: Function
    /// Which axes, and whether they stay with an extent of 1.
    package var extent: ReduceMean

    package init(_ function: Function, axes: [Int], keepsDimensions: Bool) {
        self.function = function
        self.extent = ReduceMean(axes: axes, keepsDimensions: keepsDimensions)
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try extent.resultTypes(for: operands)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(function.rawValue)
        extent.encode(into: &writer)
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("reduction")
        guard let function = Function(rawValue: code) else {
            throw TensorError(.malformed, "reduction code \(code) is unknown")
        }
        self.function = function
        extent = try ReduceMean(from: &reader)
    }
}
