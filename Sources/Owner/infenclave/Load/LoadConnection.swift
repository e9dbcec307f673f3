// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// The target of a load test.
struct LoadAddress: Sendable {
    let host: String
    let port: Int
    /// The path of the model, without a trailing slash.
    let path: String

    init(_ url: String) throws {
        guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host, !host.isEmpty
        else {
            throw CommandFailure(
                "server", "'\(url)' cannot be put under load", remedy: "write it as http://HOST:PORT, without TLS")
        }
        self.host = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        port = parts.port ?? 80
        path = parts.path.hasSuffix("/") ? String(parts.path.dropLast()) : parts.path
    }

    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A blocking, persistent connection, used by one thread. HTTP libraries would use as much processor time as what is
/// measured.
final class LoadConnection {
    struct Answer {
        let status: Int
        /// Names in lower case.
        let headers: [String: String]
        let body: [UInt8]
    }

    struct Failure: Error { let name: String }

    private let address: LoadAddress
    private let head: String
    private var descriptor: Int32 = -1
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    private static let maximumHeadBytes = 1 << 16
    private static let maximumBodyBytes = 16 << 20
    private static let timeoutSeconds = 60

    init(_ address: LoadAddress, path: String, headers: [String]) {
        self.address = address
        let lines = ["POST \(path) HTTP/1.1", "host: \(address.authority)"] + headers + ["content-length: "]
        head = lines.joined(separator: "\r\n")
    }

    deinit { disconnect() }

    private func disconnect() {
        if descriptor >= 0 { _ = close(descriptor) }
        descriptor = -1
    }

    func connect() throws(Failure) {
        guard descriptor < 0 else { return }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address.host, String(address.port), &hints, &found) == 0, let first = found else {
            throw Failure(name: "unknownHost")
        }
        defer { freeaddrinfo(first) }
        let info = first.pointee
        let socket = socket(info.ai_family, info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), info.ai_protocol)
        guard socket >= 0 else { throw Failure(name: "noDescriptor") }
        var timeout = timeval(tv_sec: Self.timeoutSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        guard Glibc.connect(socket, info.ai_addr, info.ai_addrlen) == 0 else {
            _ = close(socket)
            throw Failure(name: "notConnected")
        }
        descriptor = socket
    }

    /// Posts a body and waits for the answer. After a failure the next request uses a new connection.
    func post(_ body: [UInt8]) throws(Failure) -> Answer {
        try connect()
        do throws(Failure) {
            try send(Array((head + "\(body.count)\r\n\r\n").utf8), flags: Int32(MSG_MORE))
            try send(body, flags: 0)
            let answer = try receive()
            if answer.headers["connection"]?.lowercased() == "close" { disconnect() }
            return answer
        } catch {
            disconnect()
            throw error
        }
    }

    private func send(_ bytes: [UInt8], flags: Int32) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, flags | Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            // A server that refuses early may stop reading; its answer says why.
            guard count > 0 else { return }
            sent += count
        }
    }

    private func receive() throws(Failure) -> Answer {
        var received: [UInt8] = []
        var bodyStart: Int?
        while bodyStart == nil {
            guard received.count <= Self.maximumHeadBytes else { throw Failure(name: "noHTTP") }
            let before = received.count
            try read(into: &received)
            bodyStart = Self.end(of: received, from: max(0, before - 3))
        }
        guard let bodyStart else { throw Failure(name: "noHTTP") }
        let lines = String(decoding: received[..<bodyStart], as: UTF8.self).split(separator: "\r\n")
        guard let words = lines.first?.split(separator: " "), words.count >= 2, words[0].hasPrefix("HTTP/1."),
            let status = Int(words[1])
        else { throw Failure(name: "noHTTP") }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw Failure(name: "noHTTP") }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        guard let length = Int(headers["content-length"] ?? "0"), (0...Self.maximumBodyBytes).contains(length) else {
            throw Failure(name: "noHTTP")
        }
        while received.count < bodyStart + length { try read(into: &received) }
        return Answer(status: status, headers: headers, body: Array(received[bodyStart...]))
    }

    private func read(into received: inout [UInt8]) throws(Failure) {
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(name: count < 0 && errno == EAGAIN ? "timedOut" : "closed") }
            received += buffer[..<count]
            return
        }
    }

    /// The offset of the body.
    private static func end(of head: [UInt8], from start: Int) -> Int? {
        guard head.count >= 4 else { return nil }
        for index in start...(head.count - 4)
        where head[index] == 13 && head[index + 1] == 10 && head[index + 2] == 13 && head[index + 3] == 10 {
            return index + 4
        }
        return nil
    }
}
