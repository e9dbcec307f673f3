import Glibc
import HostCore
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// One address that is listened on.
struct Listener: Service {
    let address: ListeningAddress
    /// The option that names the address.
    let option: String
    let remedy: String
    let application: any Service

    /// Connections that wait to be accepted; Linux' own default. With a full queue a client tries again after a second,
    /// which is long for a probe.
    private static let backlog = 4096

    /// - Parameters:
    ///   - registry: Of the listener's connections.
    ///   - connections: How many the registry holds.
    ///   - onReady: Called with the port that is listened on.
    init(
        _ address: ListeningAddress, option: String, remedy: String, routes: some HTTPResponder<ClientContext>,
        registry: ConnectionRegistry, connections: Int, intake: Intake,
        onEnd: @escaping @Sendable (RequestRecord) -> Void, logger: Logger,
        onReady: @escaping @Sendable (Int) -> Void
    ) {
        self.address = address
        self.option = option
        self.remedy = remedy
        application = Application(
            responder: routes,
            server: HTTPServerBuilder { responder in
                GuardedChannel(responder: responder, registry: registry, intake: intake, onEnd: onEnd)
            },
            configuration: .init(
                address: .hostname(address.hostname, port: address.port), serverName: "infenclave",
                backlog: Self.backlog,
                // The table has a limit of its own, but enters a connection only after it was accepted.
                availableConnectionsDelegate: MaximumAvailableConnections(
                    connections + DescriptorLimit.unsettledConnections, logger: logger)),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    func run() async throws {
        do { try await application.run() } catch let error as IOError {
            throw failure(String(cString: strerror(error.errnoCode)))
        } catch let error as CancellationError { throw error } catch { throw failure("\(error)") }
    }

    private func failure(_ reason: String) -> HostServerError {
        HostServerError(message: "\(address) cannot be listened on (\(option)): \(reason)", remedy: remedy)
    }
}
