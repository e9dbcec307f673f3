// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph

/// The error of the `Differentiation` module: a node without a known derivative.
package struct DifferentiationError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package var description: String { message }

    package init(_ message: String) { self.message = message }

    init(_ error: GraphError) { self.init(error.message) }

    /// The same error, with the node in front of the message.
    func at(_ node: Node) -> DifferentiationError {
        DifferentiationError("node '\(node.name)' (\(node.operation.label)): \(message)")
    }
}
