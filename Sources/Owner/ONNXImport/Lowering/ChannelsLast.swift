// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Operators of ONNX Runtime on `[n, …, c]`, as its optimiser lays out 8-bit networks: they are transposed to `[n, c,
/// …]`.
struct ChannelsLast {
    private let isLast: Bool

    init(_ isLast: Bool) { self.isLast = isLast }

    /// The shape with channels first.
    func turned(_ shape: Shape) throws(ONNXImportError) -> Shape {
        guard isLast, shape.rank >= 3 else { return shape }
        return try ConstantFolder.shape(Self.toFirst(shape.rank).map { shape[$0] })
    }

    /// The value with channels first.
    func first(_ steps: inout Expansion, _ x: Expansion.Source, _ rank: Int) -> Expansion.Source {
        isLast && rank >= 3 ? steps.add(.transpose(Transpose(Self.toFirst(rank))), x) : x
    }

    /// The value with channels in the file's place.
    func last(_ steps: inout Expansion, _ x: Expansion.Source, _ rank: Int) -> Expansion.Source {
        isLast && rank >= 3 ? steps.add(.transpose(Transpose([0] + Array(2..<rank) + [1])), x) : x
    }

    private static func toFirst(_ rank: Int) -> [Int] { [0, rank - 1] + Array(1..<rank - 1) }
}
