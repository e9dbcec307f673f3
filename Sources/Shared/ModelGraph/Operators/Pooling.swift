// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `MaxPool` and `AveragePool` over `[n, c, spatial…]`.
package struct Pooling: Operator {
    package enum Kind: UInt8, Sendable, Hashable {
        case maximum = 1
        /// The mean of the elements inside the input.
        case average = 2
        /// The mean over the window, padding counted as zeros (`count_include_pad`).
        case averageWithPadding = 3
    }

    private static let maximumWindow = 1 << 12

    package var kind: Kind
    package var window: Window
    /// Rounds the result's extents up.
    package var ceil: Bool

    package init(_ kind: Kind, window: Window, ceil: Bool = false) {
        self.kind = kind
        self.window = window
        self.ceil = ceil
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 1...1)
        let input = operands[0].shape
        try require(input.rank >= 3, "input \(input) has no spatial dimension")
        let extents = try window.resultExtents(for: Array(input.dimensions.dropFirst(2)), ceil: ceil)
        // With padding, a window of any size can be valid, and each of its positions is visited: limit the size.
        try require(
            window.kernel.allSatisfy { $0 <= Self.maximumWindow },
            "window \(window.kernel) is over the limit of \(Self.maximumWindow)")
        for (pad, extent) in zip(window.pads, window.kernel + window.kernel) {
            try require(
                pad < extent || kind == .maximum || pad == 0, "padding \(pad) is not below the window \(extent)")
        }
        return [TensorType(.float32, try shape([input[0], input[1]] + extents))]
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(kind.rawValue)
        window.encode(into: &writer)
        writer.write(UInt8(ceil ? 1 : 0))
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("pooling")
        guard let kind = Kind(rawValue: code) else { throw TensorError(.malformed, "pooling code \(code) is unknown") }
        self.kind = kind
        window = try Window(from: &reader)
        ceil = try reader.readFlag("ceil")
    }
}

/// `GlobalAveragePool` and `GlobalMaxPool`: `[n, c, spatial…]` to `[n, c, 1…]`.
package struct GlobalPooling: Operator {
    package enum Kind: UInt8, Sendable, Hashable {
        case maximum = 1
        case average = 2
    }

    package var kind: Kind

    package init(_ kind: Kind) { self.kind = kind }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 1...1)
        let input = operands[0].shape
        try require(input.rank >= 3, "input \(input) has no spatial dimension")
        try require(input.elementCount > 0, "input \(input) is empty")
        let ones = [Int](repeating: 1, count: input.rank - 2)
        return [TensorType(.float32, try shape([input[0], input[1]] + ones))]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(kind.rawValue) }

    package init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("pooling")
        guard let kind = Kind(rawValue: code) else { throw TensorError(.malformed, "pooling code \(code) is unknown") }
        self.kind = kind
    }
}
