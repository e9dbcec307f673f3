// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// Connections that only occupy places, from addresses of 127.0.0.0/24 by their last bytes, until they are stopped. A
/// connection that the server closes is opened again.
final class Strangers: Sendable {
    private let port: Int
    private let isOver = Mutex(false)
    private let threads = DispatchGroup()

    /// File descriptors that an attack takes at most.
    static let descriptors = 2048

    /// Raises this process' soft limit.
    ///
    /// - Returns: Whether there are enough.
    static func raiseDescriptorLimit() -> Bool {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return false }
        let wanted = rlim_t(2 * descriptors)
        if limit.rlim_cur >= wanted { return true }
        limit.rlim_cur = wanted
        return limit.rlim_max >= wanted && setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    }

    init(port: Int) { self.port = port }

    deinit { isOver.withLock { $0 = true } }

    /// Opens connections that stay silent.
    func idle(_ count: Int, from hosts: [UInt8]) {
        keep(count, from: hosts, opening: "", pause: 200_000) { _ in true }
    }

    /// Opens connections that send a body of 20,000 bytes, a byte in a quarter of a second.
    func drip(_ count: Int, from hosts: [UInt8]) {
        let head = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 20000\r\n\r\n"
        keep(count, from: hosts, opening: head, pause: 250_000) { Self.send([0x78], to: $0) }
    }

    /// Opens connections that send one request after another and read no answer.
    func ask(_ count: Int, from hosts: [UInt8]) {
        // Fewer at once than the server reads ahead, but so many that its buffers are full in a few seconds.
        let requests = Array(String(repeating: "GET /ohttp-keys HTTP/1.1\r\nHost: x\r\n\r\n", count: 8).utf8)
        keep(count, from: hosts, opening: "", pause: 100_000, receiveBytes: 4096) { descriptor in
            _ = Self.send(requests, to: descriptor)
            return true
        }
    }

    /// Opens connections that send so many bytes each as fast as they can.
    func send(_ bytes: Int, _ count: Int, from hosts: [UInt8]) {
        let head =
            "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: \(bytes)\r\n\r\n"
        for number in 0..<count {
            thread { strangers in
                let piece = [UInt8](repeating: 0, count: 1 << 20)
                while !strangers.isCalledOff {
                    let host = hosts[number % hosts.count]
                    guard let descriptor = try? Loopback.connect(port: strangers.port, from: host) else { continue }
                    var left = bytes
                    if Loopback.send(Array(head.utf8), to: descriptor) {
                        while left > 0, Loopback.send(Array(piece.prefix(left)), to: descriptor) { left -= piece.count }
                    }
                    // Complete requests are answered.
                    if left <= 0 { _ = Loopback.receive(descriptor) }
                    close(descriptor)
                    usleep(250_000)
                }
            }
        }
    }

    /// Closes everything.
    func callOff() {
        isOver.withLock { $0 = true }
        threads.wait()
    }

    private var isCalledOff: Bool { isOver.withLock { $0 } }

    /// Keeps so many connections open; opens at most 10 again after a pause.
    private func keep(
        _ count: Int, from hosts: [UInt8], opening: String, pause: UInt32, receiveBytes: Int32? = nil,
        each: @escaping @Sendable (Int32) -> Bool
    ) {
        thread { strangers in
            var open: [Int32] = []
            var (isFirst, next) = (true, 0)
            while !strangers.isCalledOff {
                open = open.filter { descriptor in
                    if !Self.isClosed(descriptor), each(descriptor) { return true }
                    close(descriptor)
                    return false
                }
                for _ in 0..<(isFirst ? count : min(10, count - open.count)) {
                    next += 1
                    let host = hosts[next % hosts.count]
                    guard
                        let descriptor = try? Loopback.connect(
                            port: strangers.port, from: host, receiveBytes: receiveBytes)
                    else { break }
                    _ = Self.send(Array(opening.utf8), to: descriptor)
                    open.append(descriptor)
                }
                isFirst = false
                usleep(pause)
            }
            for descriptor in open { close(descriptor) }
        }
    }

    private func thread(_ body: @escaping @Sendable (Strangers) -> Void) {
        threads.enter()
        Thread.detachNewThread { [self] in
            body(self)
            threads.leave()
        }
    }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        return Glibc.send(descriptor, bytes, bytes.count, flags) == bytes.count
    }

    private static func isClosed(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN)
    }
}
