// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// A call of oneDNN that failed.
package struct OneDNNError: Error, Sendable, CustomStringConvertible {
    package let message: String
    /// Whether oneDNN has no code for the problem, in contrast to a failure.
    package let isUnimplemented: Bool

    package init(message: String, isUnimplemented: Bool) {
        self.message = message
        self.isUnimplemented = isUnimplemented
    }

    package var description: String { message }
}

/// Turns a status into an error that names the operation.
///
/// - Parameter operation: The attempted operation, with its shapes.
func check(_ status: dnnl_status_t, during operation: @autoclosure () -> String) throws(OneDNNError) {
    guard status != dnnl_success else { return }
    let reason =
        switch status {
        case dnnl_out_of_memory: "out of memory"
        case dnnl_invalid_arguments: "invalid arguments"
        case dnnl_unimplemented: "no implementation"
        case dnnl_runtime_error: "runtime error"
        default: "status \(status.rawValue)"
        }
    throw OneDNNError(
        message: "oneDNN: \(operation()): \(reason)",
        isUnimplemented: status == dnnl_unimplemented || status == dnnl_invalid_arguments)
}
