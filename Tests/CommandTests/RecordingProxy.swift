import Foundation
import Glibc
import Synchronization

/// Stands between a client and a server on this machine, and keeps every byte that passes.
final class RecordingProxy: Sendable {
    struct Connection {
        var toServer: [UInt8] = []
        var toClient: [UInt8] = []

        /// Whether this is a request to this path.
        func asks(_ request: String) -> Bool { toServer.starts(with: request.utf8) }
    }

    let port: Int
    private let listener: Int32
    private let recorded = Mutex<[Connection]>([])

    init(to serverPort: Int) throws {
        let (listener, port) = try Loopback.listen()
        (self.listener, self.port) = (listener, port)
        Thread.detachNewThread { [weak self] in
            while true {
                let client = Loopback.accept(listener)
                guard client >= 0, let self, let server = try? Loopback.connect(port: serverPort) else { return }
                let index = self.recorded.withLock { connections in
                    connections.append(Connection())
                    return connections.count - 1
                }
                self.pump(from: client, to: server) { bytes in
                    self.recorded.withLock { $0[index].toServer += bytes }
                }
                self.pump(from: server, to: client) { bytes in
                    self.recorded.withLock { $0[index].toClient += bytes }
                }
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)" }
    var connections: [Connection] { recorded.withLock { $0 } }

    /// Recorded before it is passed on, so that a test that saw an answer finds it here.
    private func pump(from source: Int32, to target: Int32, _ record: @escaping @Sendable ([UInt8]) -> Void) {
        Thread.detachNewThread {
            while true {
                let bytes = Loopback.receive(source)
                record(bytes)
                guard !bytes.isEmpty, Loopback.send(bytes, to: target) else { break }
            }
            shutdown(target, Int32(SHUT_WR))
        }
    }
}

/// Answers every request with the same bytes, as a server that is none of ours or that lies.
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
