// SPDX-License-Identifier: Apache-2.0
/// An error of the `ONNXExport` module: a graph that does not fit an ONNX file.
package struct ONNXExportError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The weights exceed the size limit of one protocol buffer.
        package static let tooLarge = Code("tooLarge")
    }

    package let code: Code
    package let message: String
    package var description: String { message }
}
