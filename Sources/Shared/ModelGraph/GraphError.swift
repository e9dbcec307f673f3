package import Tensors

/// What the `ModelGraph` module refuses: a graph, a cut or a canonical file.
package struct GraphError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Names, order or arity of the graph are wrong.
        package static let invalidGraph = Code("invalidGraph")
        /// An operator cannot take inputs of these types.
        package static let invalidOperands = Code("invalidOperands")
        /// A cut that does not exist or that cannot serve.
        package static let invalidCut = Code("invalidCut")
        /// A canonical file that is not one.
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

    /// The same error, saying first where it arose.
    func at(_ place: String) -> GraphError { GraphError(code, "\(place): \(message)") }

    package var description: String { message }
}
