// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The error output of a command.
struct CommandFailure: Error {
    /// A stable identifier for programs.
    let code: String
    let message: String
    let remedy: String

    init(_ code: String, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    /// The same failure with what it is about in front of the message.
    func about(_ place: String) -> CommandFailure { CommandFailure(code, "\(place): \(message)", remedy: remedy) }

    func report(asJSON: Bool) {
        guard !asJSON else {
            struct Body: Encodable {
                struct Error: Encodable { let code, message, remedy: String }
                let error: Error
            }
            try? printJSON(Body(error: .init(code: code, message: message, remedy: remedy)))
            return
        }
        printError("infenclave: \(message)")
        if !remedy.isEmpty { printError("  \(remedy)") }
    }
}
