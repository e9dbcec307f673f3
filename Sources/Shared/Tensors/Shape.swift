// SPDX-License-Identifier: Apache-2.0
/// The extents of a tensor, outermost first. Every extent is at least 0 and their product fits the limits below, so
/// that arithmetic on a `Shape` cannot overflow.
public struct Shape: Sendable, Hashable {
    /// The largest number of elements that a shape may describe.
    public static let maximumElementCount = 1 << 34
    /// The largest number of dimensions.
    public static let maximumRank = 12

    /// The extents, outermost first.
    public let dimensions: [Int]

    /// Product of the dimensions; 1 for a scalar.
    public let elementCount: Int

    /// - Throws: ``TensorError`` when a dimension is negative, the rank is over ``maximumRank``, or the product is over
    ///   ``maximumElementCount``.
    public init(_ dimensions: [Int]) throws(TensorError) {
        guard dimensions.count <= Self.maximumRank else {
            throw TensorError(.invalidShape, "rank \(dimensions.count) is over the limit of \(Self.maximumRank)")
        }
        var count = 1
        // A zero extent makes the product zero. The product of the others must still be representable.
        var bound = 1
        for dimension in dimensions {
            guard dimension >= 0 else {
                throw TensorError(.invalidShape, "dimension \(dimension) of \(dimensions) is negative")
            }
            let (product, overflow) = bound.multipliedReportingOverflow(by: max(dimension, 1))
            guard !overflow, product <= Self.maximumElementCount else {
                throw TensorError(.invalidShape, "\(dimensions) has over \(Self.maximumElementCount) elements")
            }
            bound = product
            count *= dimension
        }
        self.dimensions = dimensions
        self.elementCount = count
    }

    /// The number of dimensions.
    public var rank: Int { dimensions.count }

    /// The extent of an axis, which must exist.
    public subscript(axis: Int) -> Int { dimensions[axis] }

    /// The stride of each axis in elements, for a dense row-major layout.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * dimensions[axis + 1]
        }
        return strides
    }
}

extension Shape: CustomStringConvertible {
    /// The extents joined by `x`, such as `1x3x224x224`.
    public var description: String { dimensions.map(String.init).joined(separator: "x") }
}
