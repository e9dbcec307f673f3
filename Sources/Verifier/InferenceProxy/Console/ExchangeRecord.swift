// SPDX-License-Identifier: Apache-2.0
import Hexadecimal
package import InfenclaveClient
import Synchronization

/// What the host saw of one request of the console, which shows it beside the answer.
final class ExchangeRecord: Sendable {
    /// The record of the current task. Exchanges of tasks without one are not recorded.
    @TaskLocal static var current: ExchangeRecord?

    struct Exchange: Sendable, Encodable {
        /// Bytes of the sealed request and of the sealed answer.
        let sentBytes: Int
        let receivedBytes: Int
        /// The first bytes of both, in hexadecimal.
        let sent: String
        let received: String
        let milliseconds: Double
    }

    private let exchanges = Mutex<[Exchange]>([])

    var all: [Exchange] { exchanges.withLock { $0 } }

    fileprivate func add(_ exchange: Exchange) { exchanges.withLock { $0.append(exchange) } }
}

/// Records what goes through it for tasks that ask for a record.
package struct ObservedTransport: ClientTransport {
    private let transport: any ClientTransport
    private static let shownBytes = 48

    package init(_ transport: any ClientTransport) { self.transport = transport }

    package func send(_ request: TransportRequest) async throws -> TransportResponse {
        guard let record = ExchangeRecord.current, let body = request.body else {
            return try await transport.send(request)
        }
        let start = ContinuousClock.now
        let response = try await transport.send(request)
        record.add(
            .init(
                sentBytes: body.bytes.count, receivedBytes: response.body.count,
                sent: body.bytes.prefix(Self.shownBytes).hex,
                received: response.body.prefix(Self.shownBytes).hex, milliseconds: start.duration(to: .now).milliseconds
            ))
        return response
    }
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }
}
