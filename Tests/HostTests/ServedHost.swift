// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import HostCore
import HostServer
import Testing

/// A server without an enclave, or of another model.
enum ServedHost {
    /// Runs a server while `body` sends requests.
    ///
    /// - Parameter model: A started model; by default one without an enclave.
    static func serving(
        _ limits: ServerLimits = ServerLimits(), model: ServedModel? = nil, origins: [String] = [],
        _ body: @escaping @Sendable (HostServer.Ports) throws -> Void
    ) async throws {
        let models = try ModelRegistry([try model ?? ScriptedEnclave("exit 0").model()])
        try await serving(limits, models: models, origins: origins, body)
    }

    static func serving(
        _ limits: ServerLimits = ServerLimits(), models: ModelRegistry, origins: [String] = [],
        _ body: @escaping @Sendable (HostServer.Ports) throws -> Void
    ) async throws {
        let any = ListeningAddress(hostname: "127.0.0.1", port: 0)
        let server = HostServer(
            models: models, address: any,
            admin: any, limits: limits, origins: try AllowedOrigins(parsing: origins),
            log: OperatorLog(format: .text, level: .error))
        let (ports, continuation) = AsyncStream.makeStream(of: HostServer.Ports.self)
        let running = Task { try await server.run { continuation.yield($0) } }
        for await ports in ports {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                // Blocking sockets have a thread of their own.
                Thread.detachNewThread { done.resume(with: Result { try body(ports) }) }
            }
            break
        }
        running.cancel()
        _ = await running.result
    }

    static func ask(_ line: String, _ rest: String = "", port: Int) throws -> String {
        let connection = try Connection(port: port)
        connection.send("\(line) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(rest)\r\n")
        return connection.rest()
    }

    static func metric(_ name: String, _ ports: HostServer.Ports) throws -> Double? {
        let text = try ask("GET /metrics", port: try #require(ports.adminPort))
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            line.replacing(/{model="[^"]*"}/, with: "").replacing(/model="[^"]*",/, with: "")
        }
        return lines.first { $0.hasPrefix("infenclave_\(name) ") }?.split(separator: " ").last.flatMap { Double($0) }
    }
}

/// A blocking connection to a port of 127.0.0.1.
final class Connection: Sendable {
    private let descriptor: Int32

    /// - Parameter receiveBytes: The kernel's receive buffer for a client that does not read, in bytes; `nil` for its
    ///   default.
    init(port: Int, receiveBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var receiveBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        // A server that does not answer must not hold the test; other tests may hold the threads that it answers on.
        var timeout = timeval(tv_sec: 3600, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Everything to the end of the connection.
    func rest() -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: received, as: UTF8.self) }
            received += buffer.prefix(count)
        }
    }

    /// One answer with a body of this length.
    func answer(bodyBytes: (_ head: String) -> Int) -> String {
        let head = head()
        var body = [UInt8](repeating: 0, count: bodyBytes(head))
        guard recv(descriptor, &body, body.count, Int32(MSG_WAITALL)) == body.count else { return head }
        return head + String(decoding: body, as: UTF8.self)
    }

    /// One answer without a body.
    func head() -> String {
        var received: [UInt8] = []
        var byte: UInt8 = 0
        while !received.suffix(4).elementsEqual([13, 10, 13, 10]), recv(descriptor, &byte, 1, 0) == 1 {
            received.append(byte)
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// Whether the other end closes it.
    var isClosed: Bool {
        // The end of a stream leaves errno as it was.
        errno = 0
        return head().isEmpty && errno != EAGAIN
    }
}
