// SPDX-License-Identifier: Apache-2.0
/// An error of the `DarknetImport` module.
package struct DarknetImportError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The configuration is not a valid list of sections and options.
        package static let malformedConfiguration = Code("malformedConfiguration")
        /// A section, option or activation that this importer does not support.
        package static let unsupported = Code("unsupported")
        /// Sections that are inconsistent.
        package static let invalidNetwork = Code("invalidNetwork")
        /// The weights are shorter or longer than the configuration requires.
        package static let weightsMismatch = Code("weightsMismatch")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = Self.printable(message)
    }

    /// One line of bounded length: messages quote words from the file.
    private static func printable(_ message: String) -> String {
        let isPlain = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory != .control }
        let scalars = message.unicodeScalars.prefix(maximumScalars).map { isPlain($0) ? $0 : "\u{FFFD}" }
        return String(String.UnicodeScalarView(scalars))
    }

    private static let maximumScalars = 1000

    package var description: String { message }
}
