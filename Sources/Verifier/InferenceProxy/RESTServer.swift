// SPDX-License-Identifier: Apache-2.0
import Glibc
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle

/// The proxy's listener for REST.
package struct RESTServer: Service {
    private let address: ProxyAddress
    private let application: any Service

    /// Limits on connections, and on the time of each step of a request.
    package struct Limits: Sendable {
        /// The maximum number of connections. The clients are programs of this machine, with a few connections each.
        package var connections = 512
        /// How long a connection without a request in progress is kept.
        package var idleTime: Duration = .seconds(60)
        /// How long a request's body may take to arrive: less than ``idleTime``, after which the connection is closed
        /// without an answer.
        package var bodyTime: Duration = .seconds(45)
        /// The time after ``bodyTime`` for sending the refusal of a late body.
        package var refusalTime: Duration = .seconds(5)

        package init() {}
    }

    /// - Parameters:
    ///   - limits: Others are for tests.
    ///   - console: What the console page shows; `nil` for no page.
    ///   - onReady: Called with the port that is listened on.
    package init(
        _ address: ProxyAddress, service: InferenceService, access: AccessRule, budget: RequestBudget,
        limits: Limits = Limits(), console: Console? = nil, logger: Logger,
        onReady: @escaping @Sendable (Int) -> Void
    ) {
        self.address = address
        application = Application(
            responder: RESTRoutes(
                service: service, access: access, budget: budget, bodyTime: limits.bodyTime,
                console: console.map {
                    ConsoleRoutes(console: $0, access: access, budget: budget, bodyTime: limits.bodyTime)
                }),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ExchangeDeadline(limits.bodyTime + limits.refusalTime)],
                    idleTimeout: TimeAmount(limits.idleTime))),
            configuration: .init(
                address: .hostname(address.host, port: address.port), serverName: "infenclave-proxy",
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections, logger: logger)),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    package func run() async throws {
        do { try await application.run() } catch let error as IOError {
            throw failure(String(cString: strerror(error.errnoCode)))
        } catch {
            // It was to stop.
            try Task.checkCancellation()
            throw failure("\(error)")
        }
    }

    private func failure(_ reason: String) -> ProxyError {
        ProxyError("\(address) cannot be listened on: \(reason)", remedy: "choose another address with --listen")
    }
}
