/// Element type and shape of a tensor, without its values.
public struct TensorType: Sendable, Hashable, CustomStringConvertible {
    public let element: ElementType
    public let shape: Shape

    public init(_ element: ElementType, _ shape: Shape) {
        self.element = element
        self.shape = shape
    }

    public var byteCount: Int { element.byteCount * shape.elementCount }
    public var description: String { "\(element) \(shape)" }
}
