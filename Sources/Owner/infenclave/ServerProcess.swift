import Foundation
import LeakageAssessment
import Synchronization

/// A running `infenclave serve`, for the demo and the benchmark.
final class ServerProcess: Sendable {
    let url: String
    private let process: Mutex<Process>

    /// Starts this program again with these arguments and waits until it says where it listens.
    ///
    /// - Throws: ``CommandFailure`` with what it said when it ended instead.
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
            // The admin listener's address comes in a line of its own.
            address = said.split(separator: "\n").first { $0.contains("serving ") && $0.contains(" at http://") }?
                .split(separator: " ").last.map(String.init)
        }
        guard let address else {
            process.waitUntilExit()
            throw CommandFailure("server", OwnProgram.complaint(said))
        }
        // Whatever it says later must not fill the pipe and block it.
        errors.fileHandleForReading.readabilityHandler = { handle in
            if handle.availableData.isEmpty { handle.readabilityHandler = nil }
        }
        url = address
        self.process = Mutex(process)
    }

    deinit { stop() }

    /// Returns when the server has ended by itself, or a signal says that it should.
    func waitUntilExit() async throws {
        try await Interruption.cancelling { flag in
            while isRunning, !flag.isCancelled { try await Task.sleep(for: .milliseconds(100)) }
        }
    }

    private var isRunning: Bool { process.withLock(\.isRunning) }

    /// Ends the server as its operator would.
    func stop() {
        process.withLock { process in
            guard process.isRunning else { return }
            process.terminate()
            process.waitUntilExit()
        }
    }
}
