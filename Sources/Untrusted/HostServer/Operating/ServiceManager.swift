// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// The service manager that started this process, by systemd's protocol of notifications (sd_notify(3)): one datagram for
/// each message to the socket that `NOTIFY_SOCKET` names.
package struct ServiceManager: Sendable {
    private let path: [UInt8]
    /// The watchdog's interval; `nil` without a watchdog.
    package let watchdogInterval: Duration?

    /// - Returns: `nil` when no service manager waits for messages.
    package init?(environment: [String: String] = ProcessInfo.processInfo.environment) {
        guard let socket = environment["NOTIFY_SOCKET"], !socket.isEmpty else { return nil }
        var path = Array(socket.utf8)
        // An abstract address.
        if path[0] == UInt8(ascii: "@") { path[0] = 0 } else if path[0] != UInt8(ascii: "/") { return nil }
        guard path.count < Self.longestPath else { return nil }
        self.path = path
        let isForThis = environment["WATCHDOG_PID"].map { Int32($0) == getpid() } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        // Three times in the interval, so that one delay does not trigger the watchdog.
        watchdogInterval = isForThis && microseconds > 0 ? .microseconds(microseconds) / 3 : nil
    }

    private static let longestPath = 108

    package func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
    /// - Returns: `false` when the manager has too many messages to read: it did not get this one.
    package func status(_ status: String) -> Bool { send("STATUS=\(status)") }
    package func stopping() { send("STOPPING=1\nSTATUS=finishing requests") }
    package func isAlive() { send("WATCHDOG=1") }

    /// Failures are ignored: the service manager may have exited.
    @discardableResult
    private func send(_ message: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let bytes = Array(message.utf8)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0, length)
                    == bytes.count
            }
        }
    }
}
