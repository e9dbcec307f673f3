// SPDX-License-Identifier: Apache-2.0
/// Why an image or a measurement could not be made.
package struct ImageError: Error, Sendable, Equatable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// Bytes that violate their format.
        package static let malformed = Code("malformed")
        /// A file of another kind than the image needs, such as firmware without the needed metadata.
        package static let wrongFile = Code("wrong_file")
        /// A signature that is not of the image, or not by the key that it names.
        package static let signature = Code("signature")
        /// A value that no image can have.
        package static let invalidArgument = Code("invalid_argument")
    }

    package let code: Code
    package let message: String
    /// The remedy; empty if the message contains it.
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message); \(remedy)" }
}
