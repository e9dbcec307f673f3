// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Synchronization

/// A running `infenclave serve`, for the demo and the benchmark.
final class ServerProcess: Sendable {
    let url: String
    private let process: Mutex<Process>

    /// Starts this program again with these arguments and waits until it prints its address.
    ///
    /// - Throws: ``CommandFailure`` with its error message if it ends instead.
    init(arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        var said = ""
        var address: String?
        while address == nil {
            let data = errors.fileHandleForReading.availableData
            guard !data.isEmpty else { break }
            said += String(decoding: data, as: UTF8.self)
            // The admin listener's address is on another line.
            address = said.split(separator: "\n").first { $0.contains("serving ") && $0.contains(" at http://") }?
                .split(separator: " ").last.map(String.init)
        }
        guard let address else {
            process.waitUntilExit()
            throw CommandFailure("server", OwnProgram.complaint(said))
        }
        // Later output must not fill the pipe and block the server.
        errors.fileHandleForReading.readabilityHandler = { handle in
            if handle.availableData.isEmpty { handle.readabilityHandler = nil }
        }
        url = address
        self.process = Mutex(process)
    }

    deinit { stop() }

    /// Returns when the server has ended, or on SIGINT or SIGTERM.
    func waitUntilExit() async throws {
        try await Interruption.cancelling { flag in
            while isRunning, !flag.isCancelled { try await Task.sleep(for: .milliseconds(100)) }
        }
    }

    private var isRunning: Bool { process.withLock(\.isRunning) }

    /// Ends the server with the signal that an operator would use.
    func stop() {
        process.withLock { process in
            guard process.isRunning else { return }
            process.terminate()
            process.waitUntilExit()
        }
    }
}
