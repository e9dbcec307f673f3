// SPDX-License-Identifier: Apache-2.0
import Tensors

// Encoding and checks that several operators share.

/// The limit on any single attribute integer: far above real networks, far below overflow.
let maximumAttribute = 1 << 31

extension ByteWriter {
    mutating func write(integers: [Int]) {
        write(UInt8(integers.count))
        for integer in integers { write(Int64(integer)) }
    }
}

extension ByteReader {
    @_lifetime(self: copy self)
    mutating func readIntegers(_ what: StaticString) throws(TensorError) -> [Int] {
        let count = Int(try read(UInt8.self, what))
        guard count <= 2 * Shape.maximumRank else { throw TensorError(.malformed, "\(what) has \(count) entries") }
        var integers: [Int] = []
        for _ in 0..<count { integers.append(Int(try read(Int64.self, what))) }
        return integers
    }

    @_lifetime(self: copy self)
    mutating func readInteger(_ what: StaticString) throws(TensorError) -> Int { Int(try read(Int64.self, what)) }

    @_lifetime(self: copy self)
    mutating func readFlag(_ what: StaticString) throws(TensorError) -> Bool {
        switch try read(UInt8.self, what) {
        case 0: false
        case 1: true
        default: throw TensorError(.malformed, "\(what) is neither 0 nor 1")
        }
    }
}

func shape(_ dimensions: [Int]) throws(GraphError) -> Shape {
    do throws(TensorError) { return try Shape(dimensions) } catch { throw GraphError(error) }
}

func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(GraphError) {
    guard condition else { throw GraphError(.invalidOperands, message()) }
}

/// Checks the number of operands and that they are float32.
func requireFloats(_ operands: [TensorType], count: ClosedRange<Int>) throws(GraphError) {
    try require(count.contains(operands.count), "takes \(count) operands, found \(operands.count)")
    for operand in operands {
        try require(operand.element == .float32, "operates on f32, found \(operand)")
    }
}

/// An axis of a tensor of this rank, counted from the front.
func resolve(axis: Int, rank: Int) throws(GraphError) -> Int {
    try require(axis >= -rank && axis < rank, "axis \(axis) is outside a tensor of rank \(rank)")
    return axis < 0 ? axis + rank : axis
}

/// A sliding window over the spatial dimensions: convolutions and poolings.
package struct Window: Sendable, Hashable {
    /// Extent of the window, one entry per spatial dimension.
    package var kernel: [Int]
    package var strides: [Int]
    package var dilations: [Int]
    /// Padding before each spatial dimension, then after each: ONNX's `pads`.
    package var pads: [Int]

    package init(kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, pads: [Int]? = nil) {
        self.kernel = kernel
        self.strides = strides ?? kernel.map { _ in 1 }
        self.dilations = dilations ?? kernel.map { _ in 1 }
        self.pads = pads ?? [Int](repeating: 0, count: 2 * kernel.count)
    }

    package func padBefore(_ axis: Int) -> Int { pads[axis] }
    package func padAfter(_ axis: Int) -> Int { pads[kernel.count + axis] }

    /// The spatial extents of the result for an input of these extents.
    ///
    /// - Parameter ceil: Rounds up as ONNX does: a last window that would start in the padding is dropped.
    func resultExtents(for extents: [Int], ceil: Bool) throws(GraphError) -> [Int] {
        let rank = kernel.count
        try require(rank >= 1, "the window has no spatial dimension")
        try require(
            extents.count == rank && strides.count == rank && dilations.count == rank && pads.count == 2 * rank,
            "window of \(rank) dimensions does not fit \(extents.count) spatial dimensions")
        for value in kernel + strides + dilations {
            try require((1...maximumAttribute).contains(value), "kernel, stride or dilation \(value) is not positive")
        }
        for pad in pads {
            try require((0...maximumAttribute).contains(pad), "padding \(pad) is negative or too large")
        }
        var result: [Int] = []
        for axis in 0..<rank {
            let (reach, overflow) = (kernel[axis] - 1).multipliedReportingOverflow(by: dilations[axis])
            let padded = extents[axis] + padBefore(axis) + padAfter(axis)
            try require(
                !overflow && reach < padded,
                "a window of \(kernel[axis]) (dilation \(dilations[axis])) exceeds the padded extent \(padded)")
            let span = padded - reach - 1
            var extent = span / strides[axis] + 1
            if ceil, span % strides[axis] != 0, extent * strides[axis] < extents[axis] + padBefore(axis) {
                extent += 1
            }
            result.append(extent)
        }
        return result
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(integers: kernel)
        writer.write(integers: strides)
        writer.write(integers: dilations)
        writer.write(integers: pads)
    }

    init(from reader: inout ByteReader) throws(TensorError) {
        kernel = try reader.readIntegers("kernel")
        strides = try reader.readIntegers("strides")
        dilations = try reader.readIntegers("dilations")
        pads = try reader.readIntegers("pads")
    }
}
