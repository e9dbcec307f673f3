// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// A failed call of oneDNN.
package struct OneDNNError: Error, Sendable, CustomStringConvertible {
    package let message: String
    /// Whether oneDNN has no code for the problem. It reports some such problems as invalid arguments.
    package let isUnimplemented: Bool

    package init(message: String, isUnimplemented: Bool) {
        self.message = message
        self.isUnimplemented = isUnimplemented
    }

    package var description: String { message }
}

/// Throws an error that names the operation unless the status is success.
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
