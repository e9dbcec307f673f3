// SPDX-License-Identifier: Apache-2.0
/// An error of the `Tensors` module.
public struct TensorError: Error, Sendable, CustomStringConvertible {
    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// A negative dimension, too many of them, or too many elements.
        public static let invalidShape = Code("invalidShape")
        /// Bytes, shape and element type are inconsistent.
        public static let mismatch = Code("mismatch")
        /// Bytes that violate their format.
        public static let malformed = Code("malformed")
        /// A format of a version that this build does not read.
        package static let unsupportedVersion = Code("unsupportedVersion")
    }

    /// The kind of error.
    public let code: Code
    /// What was found and what was expected.
    public let message: String

    /// An error with its message.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
