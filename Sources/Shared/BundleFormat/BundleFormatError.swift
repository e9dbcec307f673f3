/// Why a manifest was refused.
public struct BundleFormatError: Error, Sendable, CustomStringConvertible {
    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The bytes are no valid manifest.
        public static let malformed = Code("malformed")
        /// A format version that this build does not read.
        public static let unsupportedVersion = Code("unsupportedVersion")
    }

    /// The kind of error.
    public let code: Code
    /// What was found and what was expected.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
