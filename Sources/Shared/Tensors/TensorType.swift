// SPDX-License-Identifier: Apache-2.0
/// Element type and shape of a tensor, without its values.
public struct TensorType: Sendable, Hashable, CustomStringConvertible {
    /// The element type.
    public let element: ElementType
    /// The extents, outermost first.
    public let shape: Shape

    /// A type; every combination is valid.
    public init(_ element: ElementType, _ shape: Shape) {
        self.element = element
        self.shape = shape
    }

    /// The size of the elements in bytes.
    public var byteCount: Int { element.byteCount * shape.elementCount }
    /// Element type and extents, such as `f32 1x3x224x224`.
    public var description: String { "\(element) \(shape)" }
}

extension TensorType {
    /// Decodes u8 element type, u8 rank, and an integer per dimension, outermost first.
    ///
    /// - Parameter extents: The type of the integers.
    /// - Throws: ``TensorError`` for an unknown element type, or a shape that is over the limits.
    package init<Extent: FixedWidthInteger & BitwiseCopyable>(
        from reader: inout ByteReader, extents: Extent.Type
    ) throws(TensorError) {
        let code: UInt8 = try reader.read("element type")
        guard let element = ElementType(rawValue: code) else {
            throw TensorError(.malformed, "element type \(code) is unknown")
        }
        self.init(element, try Shape(from: &reader, extents: Extent.self))
    }
}

extension Shape {
    /// Decodes u8 rank, and an integer per dimension, outermost first.
    ///
    /// - Parameter extents: The type of the integers.
    /// - Throws: ``TensorError`` for a shape that is over the limits.
    package init<Extent: FixedWidthInteger & BitwiseCopyable>(
        from reader: inout ByteReader, extents: Extent.Type
    ) throws(TensorError) {
        let rank = Int(try reader.read(UInt8.self, "rank"))
        guard rank <= Self.maximumRank else { throw TensorError(.malformed, "rank \(rank) is over the limit") }
        var dimensions: [Int] = []
        for _ in 0..<rank {
            guard let extent = Int(exactly: try reader.read(Extent.self, "dimension")) else {
                throw TensorError(.malformed, "a dimension is over the limit")
            }
            dimensions.append(extent)
        }
        try self.init(dimensions)
    }
}
