// SPDX-License-Identifier: Apache-2.0
/// Why a machine does not become an enclave. Its message is for the console, where its host reads it.
package struct BootError: Error, Sendable, Hashable {
    package let message: String
    package init(_ message: String) { self.message = message }
}
