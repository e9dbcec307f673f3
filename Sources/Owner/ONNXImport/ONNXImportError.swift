// SPDX-License-Identifier: Apache-2.0
/// An error of the `ONNXImport` module.
package struct ONNXImportError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The file cannot be read, or is no regular file.
        package static let unreadableFile = Code("unreadableFile")
        /// The bytes are no ONNX model, or parts of it contradict each other.
        package static let malformed = Code("malformed")
        /// A limit of this importer is exceeded.
        package static let tooLarge = Code("tooLarge")
        /// An operator set, operator, attribute or element type that this importer does not support.
        package static let unsupported = Code("unsupported")
        /// Names, order, types or shapes of the graph are invalid.
        package static let invalidGraph = Code("invalidGraph")
        /// An external data file that is missing, too short, or outside the model's folder.
        package static let externalData = Code("externalData")
        /// An output that does not exist, or several possible outputs.
        package static let output = Code("output")
        /// An input with a dynamic shape, or a shape that does not fit the model.
        package static let inputShape = Code("inputShape")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = Self.printable(message)
    }

    /// One line of bounded length: messages quote names from the file.
    private static func printable(_ message: String) -> String {
        let isPlain = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory != .control }
        guard message.utf8.count > maximumBytes || !message.unicodeScalars.allSatisfy(isPlain) else { return message }
        let scalars = message.unicodeScalars.map { isPlain($0) ? $0 : "\u{FFFD}" }
        var text = String.UnicodeScalarView(scalars.prefix(maximumBytes / 2))
        if scalars.count > maximumBytes / 2 { text.append(contentsOf: " […]".unicodeScalars) }
        return String(text)
    }

    private static let maximumBytes = 2000

    package var description: String { message }

    /// The same error with its place in front of the message.
    func at(_ place: String) -> ONNXImportError { ONNXImportError(code, "\(place): \(message)") }
}
