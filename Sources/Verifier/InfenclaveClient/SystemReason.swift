// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Why the system refused a call on a file, as the end of a message.
package enum SystemReason {
    /// - Parameter error: An error of Foundation, which wraps the system's.
    /// - Returns: For example ": No space left on device"; empty if the error has no number of the system.
    package static func suffix(of error: any Error) -> String {
        let wrapped = ((error as? CocoaError)?.underlying ?? error) as? POSIXError
        return wrapped.map { suffix(of: $0.code.rawValue) } ?? ""
    }

    /// - Parameter number: `errno` of the call.
    package static func suffix(of number: Int32) -> String { ": \(String(cString: strerror(number)))" }
}
