// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// Stands between a client and a server on this machine, and keeps every byte that passes.
final class RecordingProxy: Sendable {
    /// A request and its answer, of which a connection may carry several.
    struct Exchange {
        let connection: Int
        var toServer: [UInt8] = []
        var toClient: [UInt8] = []

        /// Whether this is a request to this path.
        func asks(_ request: String) -> Bool { toServer.starts(with: request.utf8) }
    }

    let port: Int
    private let listener: Int32
    private let count = Mutex(0)
    private let recorded = Mutex<[Exchange]>([])

    private let requestsPerConnection: Int

    /// - Parameter requestsPerConnection: The connection breaks when one more arrives, which is not read.
    init(to serverPort: Int, requestsPerConnection: Int = .max) throws {
        self.requestsPerConnection = requestsPerConnection
        let (listener, port) = try Loopback.listen()
        (self.listener, self.port) = (listener, port)
        Thread.detachNewThread { [weak self] in
            while true {
                let client = Loopback.accept(listener)
                guard client >= 0, let self else { return }
                // An unreachable server may come back, or be replaced by another.
                guard let server = try? Loopback.connect(port: serverPort) else {
                    close(client)
                    continue
                }
                self.count.withLock { $0 += 1 }
                let connection = self.count.withLock { $0 }
                self.pump(from: client, to: server) { bytes in self.record(bytes, \.toServer, of: connection) }
                self.pump(from: server, to: client) { bytes in self.record(bytes, \.toClient, of: connection) }
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)" }
    var exchanges: [Exchange] { recorded.withLock { $0 } }
    /// What was posted to a path, by bodies.
    func posts(to path: String) -> [[UInt8]] {
        exchanges.filter { $0.asks("POST \(path) ") }
            .map { $0.toServer.split(separator: [13, 10, 13, 10], maxSplits: 1).last.map(Array.init) ?? [] }
    }

    /// How many connections there were.
    var connectionCount: Int { count.withLock { $0 } }

    /// What goes to the server after an answer is another request.
    ///
    /// - Returns: Whether it passes.
    private func record(
        _ bytes: [UInt8], _ direction: WritableKeyPath<Exchange, [UInt8]>, of connection: Int
    ) -> Bool {
        guard !bytes.isEmpty else { return false }
        return recorded.withLock { exchanges in
            let last = exchanges.lastIndex { $0.connection == connection }
            if let last, direction == \.toClient || exchanges[last].toClient.isEmpty {
                exchanges[last][keyPath: direction] += bytes
            } else {
                var next = Exchange(connection: connection)
                next[keyPath: direction] = bytes
                exchanges.append(next)
            }
            return exchanges.count { $0.connection == connection } <= requestsPerConnection
        }
    }

    /// Recorded before it is passed on, so that a test that saw an answer finds it here.
    private func pump(from source: Int32, to target: Int32, _ record: @escaping @Sendable ([UInt8]) -> Bool) {
        Thread.detachNewThread {
            while true {
                let bytes = Loopback.receive(source)
                guard record(bytes), Loopback.send(bytes, to: target) else {
                    // The connection is to break, and its other end must notice.
                    if !bytes.isEmpty { shutdown(source, Int32(SHUT_RDWR)) }
                    break
                }
            }
            shutdown(target, Int32(SHUT_WR))
        }
    }
}

/// Answers every request with the same bytes, as a foreign or malicious server does.
final class CannedServer: Sendable {
    let port: Int
    private let listener: Int32

    init(_ answer: [UInt8]) throws {
        let (listener, port) = try Loopback.listen()
        (self.listener, self.port) = (listener, port)
        Thread.detachNewThread {
            while true {
                let client = Loopback.accept(listener)
                guard client >= 0 else { return }
                _ = Loopback.receive(client)
                _ = Loopback.send(answer, to: client)
                shutdown(client, Int32(SHUT_WR))
                while !Loopback.receive(client).isEmpty {}
                close(client)
            }
        }
    }

    convenience init(status: String = "200 OK", type: String = "application/json", body: [UInt8]) throws {
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        try self.init(Array(head.utf8) + body)
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)" }
}
