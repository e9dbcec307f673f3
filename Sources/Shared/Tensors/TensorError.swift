/// An error of the `Tensors` module.
public struct TensorError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// A negative dimension, too many of them, or too many elements.
        public static let invalidShape = Code("invalidShape")
        /// Bytes, shape and element type are inconsistent.
        public static let mismatch = Code("mismatch")
        /// Bytes that violate their format.
        public static let malformed = Code("malformed")
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
