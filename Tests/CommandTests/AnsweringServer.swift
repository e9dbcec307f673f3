// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// An HTTP server that answers as a test says, and keeps what it was asked.
final class AnsweringServer: Sendable {
    struct Answer {
        var status = 200
        var headers: [String: String] = [:]
        var body: [UInt8]
    }

    let port: Int
    private let listener: Int32
    private let asked = Mutex<[String]>([])

    /// - Parameter answer: What to answer to a path with its query; `nil` is 404.
    init(_ answer: @escaping @Sendable (String) throws -> Answer?) throws {
        let (listener, port) = try Loopback.listen()
        (self.listener, self.port) = (listener, port)
        Thread.detachNewThread { [weak self] in
            while true {
                let client = Loopback.accept(listener)
                guard client >= 0, let self else { return }
                let line = String(decoding: Loopback.receive(client), as: UTF8.self).prefix { $0 != "\r\n" }
                let path = line.split(separator: " ").dropFirst().first.map(String.init) ?? ""
                self.asked.withLock { $0.append(path) }
                let found = (try? answer(path)) ?? Answer(status: 404, body: [])
                var head = "HTTP/1.1 \(found.status) X\r\nContent-Length: \(found.body.count)\r\nConnection: close\r\n"
                for (name, value) in found.headers { head += "\(name): \(value)\r\n" }
                _ = Loopback.send(Array((head + "\r\n").utf8) + found.body, to: client)
                shutdown(client, Int32(SHUT_WR))
                while !Loopback.receive(client).isEmpty {}
                close(client)
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)" }
    var paths: [String] { asked.withLock { $0 } }
}
