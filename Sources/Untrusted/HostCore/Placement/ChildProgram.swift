// SPDX-License-Identifier: Apache-2.0
import CSpawn
import Foundation
import FrameStream
import Glibc
import Synchronization

/// A child process, connected by a Unix socket that is its file descriptor 3. It does not outlive this process.
final class ChildProgram: Sendable {
    private let processID: pid_t
    private let output: OutputPipe
    private let ending = Mutex<EnclaveEnding?>(nil)

    /// Starts every program: the kernel kills them when this thread ends, so it never does.
    private static let spawner = SerialThread(name: "enclave-spawner")

    /// - Parameters:
    ///   - executable: Absolute path.
    ///   - arguments: Without the executable's own name.
    ///   - environment: `NAME=VALUE`.
    ///   - descriptor: Becomes descriptor 3 of the child; the caller closes it.
    ///   - onOutput: Called with each line that it writes, on a separate thread.
    /// - Throws: ``HostError`` when it cannot be started.
    init(
        _ executable: String, arguments: [String], environment: [String], descriptor: Int32,
        onOutput: @escaping @Sendable (String) -> Void
    ) throws(HostError) {
        let output = try OutputPipe()
        self.output = output
        output.read(onOutput)
        defer { output.closeWriting() }
        // Above the descriptor numbers that the program starts with.
        let moved = (socket: fcntl(descriptor, F_DUPFD_CLOEXEC, 4), output: fcntl(output.writing, F_DUPFD_CLOEXEC, 4))
        defer { for descriptor in [moved.socket, moved.output] where descriptor >= 0 { _ = close(descriptor) } }
        guard moved.socket >= 4, moved.output >= 4 else {
            throw HostError(.enclaveUnavailable, "no file descriptor is left for the enclave's socket")
        }
        let started = Self.spawner.run {
            Self.spawn(executable, arguments, environment, socket: moved.socket, output: moved.output)
        }
        switch started {
        case .success(let identifier): processID = identifier
        case .failure(let failure):
            throw HostError(
                .enclaveUnavailable, "\(executable) cannot be started: \(String(cString: strerror(failure.number)))")
        }
    }

    private struct SpawnFailure: Error { let number: Int32 }

    private static func spawn(
        _ executable: String, _ arguments: [String], _ environment: [String], socket: Int32, output: Int32
    ) -> Result<pid_t, SpawnFailure> {
        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0 as String) } + [nil]
        defer { for argument in argv { free(argument) } }
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0 as String) } + [nil]
        defer { for variable in variables { free(variable) } }
        var identifier: pid_t = 0
        let failure = cspawn(&identifier, executable, &argv, &variables, socket, output)
        return failure == 0 ? .success(identifier) : .failure(SpawnFailure(number: failure))
    }

    /// The last line that it wrote; empty if there is none.
    var lastLine: String { output.lastLine.withLock { $0 } }

    /// Waits for its end; if it does not end in time, kills its process group.
    ///
    /// - Returns: How it ended; the same for every caller.
    @discardableResult
    func end(within time: Duration = .seconds(1)) -> EnclaveEnding {
        ending.withLock { ending in
            if let ending { return ending }
            let found = waitForEnd(time)
            ending = found
            return found
        }
    }

    private func waitForEnd(_ time: Duration) -> EnclaveEnding {
        var status: Int32 = 0
        let deadline = ContinuousClock.now + time
        while ContinuousClock.now < deadline {
            let result = waitpid(processID, &status, WNOHANG)
            if result != 0 {
                output.waitForEnd()
                return result == processID ? EnclaveEnding(waitStatus: status) : .unknown
            }
            usleep(10_000)
        }
        // It is the leader of its own process group.
        kill(-processID, SIGKILL)
        while waitpid(processID, &status, 0) == -1, errno == EINTR {}
        return .killedByHost
    }
}
