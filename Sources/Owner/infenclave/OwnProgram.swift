// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Runs this program again as a subprocess.
enum OwnProgram {
    /// - Returns: Its standard output.
    /// - Throws: ``CommandFailure`` with its error message.
    static func run(_ arguments: [String]) async throws -> String {
        try await onOwnThread {
            let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
            let run = try ToolRun(own, arguments, keepsComplaint: true)
            guard run.succeeded else { throw CommandFailure(arguments.first ?? "", Self.complaint(run.complaint)) }
            return run.text
        }
    }

    /// The error message without the program's name and without warnings.
    static func complaint(_ said: String) -> String {
        said.split(separator: "\n").filter { !$0.contains("warning: ") }
            .map { $0.replacing("infenclave: ", with: "").trimmingCharacters(in: .whitespaces) }
            .joined(separator: "; ")
    }
}
