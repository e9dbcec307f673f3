// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A run of another program. The call blocks its thread.
struct ToolRun {
    let output: Data
    /// The program's standard error, if it was requested.
    let complaint: String
    private let status: Int32

    var succeeded: Bool { status == 0 }
    var text: String { String(decoding: output, as: UTF8.self) }

    /// - Parameters:
    ///   - path: The executable file.
    ///   - environment: Replaces that of this program.
    ///   - keepsComplaint: Only for programs whose errors fit a pipe (64 KiB): they are read after the output.
    /// - Throws: Foundation's error if the program cannot be started.
    init(
        _ path: String, _ arguments: [String], environment: [String: String]? = nil, keepsComplaint: Bool = false
    ) throws {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        if let environment { process.environment = environment }
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        let errors = keepsComplaint ? Pipe() : nil
        process.standardOutput = output
        process.standardError = errors ?? FileHandle.nullDevice
        try process.run()
        self.output = output.fileHandleForReading.readDataToEndOfFile()
        complaint = errors.map { String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) } ?? ""
        process.waitUntilExit()
        status = process.terminationStatus
    }

    /// A program in the search path.
    init(named program: String, _ arguments: [String]) throws { try self.init("/usr/bin/env", [program] + arguments) }
}
