// SPDX-License-Identifier: Apache-2.0
/// Why a manifest was refused.
package struct BundleFormatError: Error, Sendable, CustomStringConvertible {
    /// A stable, open set of error codes.
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The bytes are no valid manifest.
        package static let malformed = Code("malformed")
        /// A format version that this build does not read.
        package static let unsupportedVersion = Code("unsupportedVersion")
    }

    /// The kind of error.
    package let code: Code
    /// What was found and what was expected.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
