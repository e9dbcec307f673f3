// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Glibc
import Synchronization

/// Reads a program's output, line by line. The output is untrusted and only logged.
final class OutputPipe: Sendable {
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

    /// Waits for a short time for output in transit.
    func waitForEnd() { _ = ended.wait(timeout: .now() + 0.2) }

    /// Reads on a separate thread until every writer has closed the pipe.
    func read(_ onLine: @escaping @Sendable (String) -> Void) {
        // The block retains the thread until it ends.
        SerialThread(name: "enclave-output").enqueue { [self] in
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
    }
}
