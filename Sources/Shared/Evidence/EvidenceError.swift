/// What the `Evidence` module refuses: bytes that are not in the format that they claim. Whether well-formed evidence
/// is to be believed is not decided here.
public struct EvidenceError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Bytes that break their format: lengths that do not fit, missing or doubled members, bytes left over.
        public static let malformed = Code("malformed")
        /// A format, version or algorithm that is well known or new, but not read here.
        public static let unsupported = Code("unsupported")
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
