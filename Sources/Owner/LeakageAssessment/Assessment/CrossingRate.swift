// SPDX-License-Identifier: Apache-2.0
internal import Foundation
internal import Glibc

/// The transfer rate between two processes on this machine, measured with a socket pair, which host and enclave use.
enum CrossingRate {
    private static let bytes = 16 << 20

    /// Milliseconds per byte; `nil` if no socket pair can be created.
    static func measure() -> Double? {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { return nil }
        let (reading, writing) = (ends[0], ends[1])
        defer {
            close(reading)
            close(writing)
        }
        let start = ContinuousClock.now
        let writer = Thread {
            let chunk = [UInt8](repeating: 1, count: 1 << 18)
            for _ in 0..<bytes / chunk.count {
                var sent = 0
                while sent < chunk.count {
                    let count = chunk.withUnsafeBytes {
                        send(writing, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
                    }
                    guard count > 0 else { return }
                    sent += count
                }
            }
        }
        writer.start()
        var (buffer, received) = ([UInt8](repeating: 0, count: 1 << 18), 0)
        while received < bytes {
            let count = buffer.withUnsafeMutableBytes { recv(reading, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { return nil }
            received += count
        }
        return (ContinuousClock.now - start) / .milliseconds(1) / Double(bytes)
    }
}
