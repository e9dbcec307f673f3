// SPDX-License-Identifier: Apache-2.0
/// Why a machine does not start the enclave. The message is printed on the console, which the host can read.
package struct BootError: Error, Sendable, Hashable {
    package let message: String
    package init(_ message: String) { self.message = message }
}
