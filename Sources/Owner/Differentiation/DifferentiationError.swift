internal import ModelGraph

/// What the `Differentiation` module refuses: a node whose derivative it does not know.
package struct DifferentiationError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package var description: String { message }

    package init(_ message: String) { self.message = message }

    init(_ error: GraphError) { self.init(error.message) }

    /// The same error, saying first at which node it arose.
    func at(_ node: Node) -> DifferentiationError {
        DifferentiationError("node '\(node.name)' (\(node.operation.onnxName)): \(message)")
    }
}
