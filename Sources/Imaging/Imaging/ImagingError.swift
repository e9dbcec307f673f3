// SPDX-License-Identifier: Apache-2.0
/// An error of the `Imaging` module.
public struct ImagingError: Error, Sendable, CustomStringConvertible {
    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The file or folder is missing, of the wrong kind, or may not be read.
        public static let unreadable = Code("unreadable")
        /// The bytes are not an image in a supported format.
        public static let unsupportedFormat = Code("unsupportedFormat")
        /// The image is truncated or damaged.
        public static let corrupt = Code("corrupt")
        /// The file, the image or the resized image is over a limit.
        public static let tooLarge = Code("tooLarge")
        /// The image is smaller than the crop.
        public static let tooSmall = Code("tooSmall")
        /// The folder has no image file.
        public static let emptyFolder = Code("emptyFolder")
        /// Pixels, shape and channels are inconsistent.
        public static let mismatch = Code("mismatch")
    }

    /// The kind of error.
    public let code: Code
    /// What was found, what was expected, and the remedy.
    public let message: String

    /// An error with its message.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// The same error, with the name of its subject in front of the message.
    package func about(_ subject: String) -> ImagingError { ImagingError(code, "\(subject): \(message)") }
}
