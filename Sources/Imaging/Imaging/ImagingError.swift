/// What the `Imaging` module refuses.
public struct ImagingError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The file or folder is missing, of the wrong kind, or may not be read.
        public static let unreadable = Code("unreadable")
        /// The bytes are no JPEG, PNG or WebP picture, or one of a kind that is not supported.
        public static let unsupportedFormat = Code("unsupportedFormat")
        /// The picture is truncated or damaged.
        public static let corrupt = Code("corrupt")
        /// The file, the picture or what it would be resized to is over a limit.
        public static let tooLarge = Code("tooLarge")
        /// The picture is smaller than the crop.
        public static let tooSmall = Code("tooSmall")
        /// The folder has no picture.
        public static let emptyFolder = Code("emptyFolder")
        /// Pixels, shape and channels do not fit each other.
        public static let mismatch = Code("mismatch")
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// The same error with the name of what it concerns in front.
    package func about(_ subject: String) -> ImagingError { ImagingError(code, "\(subject): \(message)") }
}
