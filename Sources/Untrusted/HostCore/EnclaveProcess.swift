import CSpawn
import Foundation
import FrameSocket
import Glibc
import Inference
import Synchronization
import Wire

/// A running enclave executable, joined by a socket that is its file descriptor 3. It does not outlive this process.
final class EnclaveProcess: Sendable {
    let socket: HostSocket
    private let processID: pid_t
    private let output: OutputPipe
    private let ending = Mutex<EnclaveEnding?>(nil)

    /// Starts every enclave: the kernel kills them when this thread ends, so it never does.
    private static let spawner = SerialThread(name: "enclave-spawner")

    /// Starts the executable.
    ///
    /// - Parameters:
    ///   - executable: Absolute path.
    ///   - arguments: Without the executable's own name.
    ///   - onOutput: Called with each line that it writes, on a thread of its own.
    /// - Throws: ``HostError`` when it cannot be started.
    init(
        executable: String, arguments: [String], onOutput: @escaping @Sendable (String) -> Void
    ) throws(HostError) {
        let enclaveDescriptor: Int32
        do throws(WireError) { (socket, enclaveDescriptor) = try HostSocket.pair() } catch {
            throw HostError(.enclaveUnavailable, error.message)
        }
        defer { _ = close(enclaveDescriptor) }
        let output = try OutputPipe()
        self.output = output
        output.read(onOutput)
        defer { output.closeWriting() }
        // Out of the way of the descriptors that the enclave starts with.
        let moved = (
            socket: fcntl(enclaveDescriptor, F_DUPFD_CLOEXEC, 4), output: fcntl(output.writing, F_DUPFD_CLOEXEC, 4)
        )
        defer { for descriptor in [moved.socket, moved.output] where descriptor >= 0 { _ = close(descriptor) } }
        guard moved.socket >= 4, moved.output >= 4 else {
            throw HostError(.enclaveUnavailable, "no file descriptor is left for the enclave's socket")
        }
        let started = Self.spawner.run { Self.spawn(executable, arguments, socket: moved.socket, output: moved.output) }
        switch started {
        case .success(let identifier): processID = identifier
        case .failure(let failure):
            throw HostError(
                .enclaveUnavailable,
                "the enclave \(executable) cannot be started: \(String(cString: strerror(failure.number)))")
        }
    }

    private struct SpawnFailure: Error { let number: Int32 }

    private static func spawn(
        _ executable: String, _ arguments: [String], socket: Int32, output: Int32
    ) -> Result<pid_t, SpawnFailure> {
        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0 as String) } + [nil]
        defer { for argument in argv { free(argument) } }
        // Nothing of the host's environment may steer the enclave's libraries.
        var environment: [UnsafeMutablePointer<CChar>?] =
            ["LANG=C", "SWIFT_BACKTRACE=enable=no"].map { strdup($0 as String) } + [nil]
        defer { for variable in environment { free(variable) } }
        var identifier: pid_t = 0
        let failure = cspawn(&identifier, executable, &argv, &environment, socket, output)
        return failure == 0 ? .success(identifier) : .failure(SpawnFailure(number: failure))
    }

    deinit {
        socket.close()
        end()
    }

    /// The last line that it wrote, empty without one.
    var lastLine: String { output.lastLine.withLock { $0 } }

    /// Asks the process to end by closing its socket, and kills it when it has not within a second.
    ///
    /// - Returns: How it ended, whoever waited for it first.
    @discardableResult
    func end() -> EnclaveEnding {
        socket.close()
        return ending.withLock { ending in
            if let ending { return ending }
            let found = waitForEnd()
            ending = found
            return found
        }
    }

    private func waitForEnd() -> EnclaveEnding {
        var status: Int32 = 0
        for _ in 0..<100 {
            let result = waitpid(processID, &status, WNOHANG)
            if result != 0 {
                output.waitForEnd()
                return result == processID ? EnclaveEnding(waitStatus: status) : .unknown
            }
            usleep(10_000)
        }
        kill(processID, SIGKILL)
        while waitpid(processID, &status, 0) == -1, errno == EINTR {}
        return .killedByHost
    }
}

/// What the enclave writes to its output, line by line. It is shown, not believed.
private final class OutputPipe: Sendable {
    let lastLine = Mutex("")
    let writing: Int32
    private let reading: Int32
    private let ended = DispatchSemaphore(value: 0)

    /// A line longer than this is cut; an enclave writes one line when it ends.
    private static let longestLine = 1024

    init() throws(HostError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw HostError(
                .enclaveUnavailable, "no pipe for the enclave's output: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }

    func closeWriting() { _ = close(writing) }

    /// Waits a moment for what is on its way.
    func waitForEnd() { _ = ended.wait(timeout: .now() + 0.2) }

    /// Reads on a thread of its own until nobody can write any more.
    func read(_ onLine: @escaping @Sendable (String) -> Void) {
        let thread = Thread { [self] in
            var line: [UInt8] = []
            func pass() {
                guard !line.isEmpty else { return }
                let text = String(decoding: line, as: UTF8.self)
                lastLine.withLock { $0 = text }
                onLine(text)
                line = []
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = Glibc.read(reading, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                for byte in buffer[..<count] {
                    if byte == 0x0A {
                        pass()
                    } else if line.count < Self.longestLine {
                        line.append(byte)
                    }
                }
            }
            pass()
            _ = close(reading)
            ended.signal()
        }
        thread.name = "enclave-output"
        thread.start()
    }
}
