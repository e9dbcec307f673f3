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
