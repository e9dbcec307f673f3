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

    /// Programs of this machine, each with a connection or a few.
    private static let maximumConnections = 512

    /// - Parameters:
    ///   - console: What the console page shows; `nil` for no page.
    ///   - onReady: Called with the port that is listened on.
    package init(
        _ address: ProxyAddress, service: InferenceService, access: AccessRule, budget: RequestBudget,
        console: Console? = nil, logger: Logger,
        onReady: @escaping @Sendable (Int) -> Void
    ) {
        self.address = address
        application = Application(
            responder: RESTRoutes(
                service: service, access: access, budget: budget,
                console: console.map { ConsoleRoutes(console: $0, access: access, budget: budget) }),
            configuration: .init(
                address: .hostname(address.host, port: address.port), serverName: "infenclave-proxy",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections, logger: logger)),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    package func run() async throws {
        do { try await application.run() } catch let error as IOError {
            throw failure(String(cString: strerror(error.errnoCode)))
        } catch let error as CancellationError { throw error } catch { throw failure("\(error)") }
    }

    private func failure(_ reason: String) -> ProxyError {
        ProxyError("\(address) cannot be listened on: \(reason)", remedy: "choose another address with --listen")
    }
}
