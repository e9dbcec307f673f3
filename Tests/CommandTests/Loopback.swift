// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Sockets of 127.0.0.1.
enum Loopback {
    /// - Returns: A listening socket and its port.
    static func listen() throws -> (descriptor: Int32, port: Int) {
        let (descriptor, port) = try bound()
        guard Glibc.listen(descriptor, 64) == 0 else { throw Unexpected("no socket listens: errno \(errno)") }
        return (descriptor, port)
    }

    private static func bound(sharesAddress: Bool = false) throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if sharesAddress {
            var yes: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = self.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw Unexpected("no port is free: errno \(errno)") }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// A port that is reserved as long as this object exists. Nothing listens on it until a server of the test does,
    /// which sets SO_REUSEADDR; the kernel does not give it to a program that requests any port.
    final class Port {
        let number: Int
        private let holder: Int32

        var url: String { "http://127.0.0.1:\(number)" }
        /// What has a server listen at it.
        var options: [String] { ["--listen", "127.0.0.1:\(number)"] }

        init() throws { (holder, number) = try Loopback.bound(sharesAddress: true) }

        deinit { close(holder) }
    }

    /// - Returns: The next connection, which programs do not inherit; negative when there is none.
    static func accept(_ listener: Int32) -> Int32 {
        let descriptor = Glibc.accept(listener, nil, nil)
        if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return descriptor
    }

    /// - Parameters:
    ///   - host: The last byte of the address in 127.0.0.0/24 that the connection comes from.
    ///   - receiveBytes: The kernel's receive buffer for a client that does not read, in bytes; `nil` for its default.
    static func connect(port: Int, from host: UInt8 = 1, receiveBytes: Int32? = nil) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var receiveBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
        }
        if host != 1 {
            var own = self.address(port: 0, host: host)
            let isBound = withUnsafePointer(to: &own) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard isBound else { throw Unexpected("127.0.0.\(host) cannot be bound: errno \(errno)") }
        }
        var address = self.address(port: port)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            close(descriptor)
            throw Unexpected("127.0.0.1:\(port) cannot be reached: errno \(errno)")
        }
        return descriptor
    }

    private static func address(port: Int, host: UInt8 = 1) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
        return address
    }

    /// The next bytes, none at the end.
    static func receive(_ descriptor: Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            count = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
        }
    }

    static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}

/// An HTTP answer.
struct HTTPAnswer {
    let status: Int
    let head: String
    let body: [UInt8]

    var json: [String: Any]? { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] }
    /// The code of a refusal.
    var code: String? { (json?["error"] as? [String: Any])?["code"] as? String }

    /// Sends a request over a connection of its own.
    ///
    /// - Parameter headers: More lines, each with its end.
    static func to(
        _ method: String, _ path: String, type: String? = nil, body: [UInt8] = [], port: Int, from host: UInt8 = 1,
        headers: String = ""
    ) throws -> HTTPAnswer {
        let descriptor = try Loopback.connect(port: port, from: host)
        defer { close(descriptor) }
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        if let type { head += "Content-Type: \(type)\r\n" }
        head += headers + "Content-Length: \(body.count)\r\n\r\n"
        // A server that refuses early may stop reading: its answer counts.
        _ = Loopback.send(Array(head.utf8) + body, to: descriptor)
        var received: [UInt8] = []
        while true {
            let next = Loopback.receive(descriptor)
            if next.isEmpty { break }
            received += next
        }
        return try HTTPAnswer(received)
    }

    init(_ bytes: [UInt8]) throws {
        guard let end = Data(bytes).range(of: Data("\r\n\r\n".utf8)) else {
            throw Unexpected("\(bytes.count) bytes are no HTTP answer")
        }
        head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        guard let status = head.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Unexpected("no status in \(head)")
        }
        self.status = status
        body = Array(bytes[end.upperBound...])
    }
}
