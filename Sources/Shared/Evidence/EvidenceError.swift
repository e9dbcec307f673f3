/// An error of the `Evidence` module: bytes that are not in the format that they claim. Whether well-formed evidence is
/// genuine is decided by verification, not here.
public struct EvidenceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Bytes that violate their format: wrong lengths, missing or repeated members, trailing bytes.
        public static let malformed = Code("malformed")
        /// A recognised format, or an unknown version or algorithm, that this build does not read.
        public static let unsupported = Code("unsupported")
    }

    /// The kind of error.
    public let code: Code
    /// What was found and what was expected.
    public let message: String

    /// An error with its message.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
