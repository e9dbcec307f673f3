// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// Takes requests and never answers.
final class SilentServer: Sendable {
    private let listener: Int32
    let port: Int
    private let count = Mutex(0)

    init() throws {
        let (listener, port) = try Loopback.listen()
        (self.listener, self.port) = (listener, port)
        Thread.detachNewThread { [weak self] in
            while true {
                let client = Loopback.accept(listener)
                guard client >= 0, let self else { return }
                if !Loopback.receive(client).isEmpty { self.count.withLock { $0 += 1 } }
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: Int { count.withLock { $0 } }
}
