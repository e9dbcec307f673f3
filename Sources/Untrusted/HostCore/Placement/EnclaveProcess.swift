// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Glibc
import Inference
import Wire

/// The enclave's executable as a process of this machine.
final class EnclaveProcess: RunningEnclave {
    let stream: HostStream
    private let program: ChildProgram

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
        let descriptor: Int32
        do throws(WireError) { (stream, descriptor) = try HostStream.pair() } catch {
            throw HostError(.enclaveUnavailable, error.message)
        }
        defer { _ = close(descriptor) }
        // The host's environment must not affect the enclave's libraries.
        program = try ChildProgram(
            executable, arguments: arguments,
            environment: ["LANG=C", "SWIFT_BACKTRACE=enable=no"], descriptor: descriptor,
            onOutput: onOutput)
    }

    deinit { end() }

    var lastLine: String { program.lastLine }

    /// Asks the process to end by closing its socket, and kills it if it does not end within a second.
    @discardableResult
    func end() -> EnclaveEnding {
        stream.close()
        return program.end()
    }
}
