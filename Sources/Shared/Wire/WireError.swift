// SPDX-License-Identifier: Apache-2.0
/// An error of the `Wire` module or of the socket below it.
package struct WireError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Bytes that violate the frame format.
        package static let malformed = Code("malformed")
        /// A length over the limit for its kind.
        package static let tooLarge = Code("tooLarge")
        /// The peer closed the connection.
        package static let closed = Code("closed")
        /// The operating system failed a read or a write.
        package static let system = Code("system")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
