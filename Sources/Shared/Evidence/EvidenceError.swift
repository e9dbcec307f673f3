// SPDX-License-Identifier: Apache-2.0
/// An error of the `Evidence` module: bytes that are not in the format that they claim. Whether well-formed evidence is
/// genuine is decided by verification, not here.
package struct EvidenceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable, open set of error codes.
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Bytes that violate their format: wrong lengths, missing or repeated members, trailing bytes.
        package static let malformed = Code("malformed")
        /// A recognised format, or an unknown version or algorithm, that this build does not read.
        package static let unsupported = Code("unsupported")
    }

    /// The kind of error.
    package let code: Code
    /// What was found and what was expected.
    package let message: String

    /// An error with its message.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
