// SPDX-License-Identifier: Apache-2.0
/// Why a keyholder cannot start or continue, or why it does not use a changed policy or client list.
package struct KeyReleaseError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// The log was altered, or was written by another program.
        package static let log = Code("log")
        /// The policy is not signed by the owner, or lacks what a keyholder needs.
        package static let policy = Code("policy")
        /// The folder of clients is invalid.
        package static let clients = Code("clients")
        /// A file cannot be read or written.
        package static let file = Code("file")
    }

    package let code: Code
    package let message: String
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { message }
}
