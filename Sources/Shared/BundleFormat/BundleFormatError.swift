/// Why a manifest was refused.
public struct BundleFormatError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        public static let malformed = Code("malformed")
        public static let unsupportedVersion = Code("unsupportedVersion")
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
