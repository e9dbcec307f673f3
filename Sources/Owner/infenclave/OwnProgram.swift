import Foundation

/// Runs this program again as a subprocess.
enum OwnProgram {
    /// - Returns: Its standard output.
    /// - Throws: ``CommandFailure`` with its error message.
    static func run(_ arguments: [String]) async throws -> String {
        try await onOwnThread {
            let process = Process()
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = arguments
            process.standardInput = FileHandle.nullDevice
            let output = Pipe()
            process.standardOutput = output
            // Error messages have one or two lines, so they fit the pipe while the output is read.
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw CommandFailure(arguments.first ?? "", Self.complaint(complaint))
            }
            return text
        }
    }

    /// The error message without the program's name and without warnings.
    static func complaint(_ said: String) -> String {
        said.split(separator: "\n").filter { !$0.contains("warning: ") }
            .map { $0.replacing("infenclave: ", with: "").trimmingCharacters(in: .whitespaces) }
            .joined(separator: "; ")
    }
}
