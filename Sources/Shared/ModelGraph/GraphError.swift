// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// An error of the `ModelGraph` module: an invalid graph, cut or canonical file.
package struct GraphError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Names, order or number of operands are invalid.
        package static let invalidGraph = Code("invalidGraph")
        /// An operator does not accept operands of these types.
        package static let invalidOperands = Code("invalidOperands")
        /// A cut that does not exist or cannot be used.
        package static let invalidCut = Code("invalidCut")
        /// Bytes that are no canonical file.
        package static let malformedFile = Code("malformedFile")
        /// A canonical file of a version that this build does not read.
        package static let unsupportedVersion = Code("unsupportedVersion")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package init(_ error: TensorError, code: Code = .invalidOperands) { self.init(code, error.message) }

    /// An error of reading a canonical file, before its content is validated as a graph.
    init(reading error: TensorError) {
        self.init(error.code == .unsupportedVersion ? .unsupportedVersion : .malformedFile, error.message)
    }

    /// The same error with its place in front of the message.
    func at(_ place: String) -> GraphError { GraphError(code, "\(place): \(message)") }

    package var description: String { message }
}
