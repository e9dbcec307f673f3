import Foundation
package import HostCore
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import UnixSignals

/// A host name or address, and a port; 0 takes a free one.
package struct ListeningAddress: Sendable, CustomStringConvertible {
    package let hostname: String
    package let port: Int

    package init(hostname: String, port: Int) {
        self.hostname = hostname
        self.port = port
    }

    package var description: String { hostname.contains(":") ? "[\(hostname)]:\(port)" : "\(hostname):\(port)" }
}

/// The HTTP server of a host: a listener for everybody, and one for its operators.
package struct HostServer: Sendable {
    /// What is listened on.
    package struct Ports: Sendable {
        package let port: Int
        /// `nil` without a listener for operators.
        package let adminPort: Int?
    }

    private let host: EnclaveHost
    private let address: ListeningAddress
    private let admin: ListeningAddress?
    private let limits: ServerLimits
    private let logger: Logger

    /// What is not answered by then is broken off.
    private static let shutdownTime: Duration = .seconds(10)

    /// - Parameter admin: `nil` for no listener for operators.
    package init(
        host: EnclaveHost, address: ListeningAddress, admin: ListeningAddress?, limits: ServerLimits, logger: Logger
    ) {
        self.host = host
        self.address = address
        self.admin = admin
        self.limits = limits
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT; requests under way are answered first.
    ///
    /// - Parameter onReady: Called once, with the ports that are listened on.
    /// - Throws: ``HostServerError`` when an address cannot be listened on.
    package func run(onReady: @escaping @Sendable (Ports) -> Void) async throws {
        HostMemory.returnLargeBlocks()
        let ready = ReadyPorts(needsAdmin: admin != nil, onReady: onReady)
        var quiet = Logger(label: logger.label) { _ in ServingLog(logger.handler) { ready.areSet } }
        quiet.logLevel = .warning
        let services = listeners(logger: quiet, ready: ready).map {
            ServiceGroupConfiguration.ServiceConfiguration(service: $0, failureTerminationBehavior: .cancelGroup)
        }
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        configuration.maximumGracefulShutdownDuration = Self.shutdownTime
        let group = ServiceGroup(configuration: configuration)
        do { try await group.run() } catch {
            await host.stop()
            throw error
        }
        await host.stop()
    }

    private func listeners(logger: Logger, ready: ReadyPorts) -> [Listener] {
        let descriptors = DescriptorLimit.raised(
            to: limits.connections + limits.adminConnections + ServerLimits.reservedDescriptors)
        let connections = ConnectionTable.Limits(
            total: descriptors - limits.adminConnections - ServerLimits.reservedDescriptors,
            perAddress: limits.connectionsPerAddress)
        let (metrics, hostMetrics) = (ServerMetrics(), host.metrics)
        let registry = ConnectionRegistry(connections: connections, limits: limits, metrics: metrics)
        let listener = Listener(
            address, option: "--listen", remedy: "choose another --listen address",
            routes: Routes(host: host, limits: limits), registry: registry,
            intake: Intake(audience: .everybody, limits: limits),
            onRefusal: { refusal in
                metrics.countRefusal(refusal.status)
                if refusal.code == "overloaded" { hostMetrics.countRefusal(refusal.code) }
            }, logger: logger, onReady: { ready.set(port: $0) })
        guard let admin else { return [listener] }
        let adminConnections = ConnectionTable.Limits(
            total: limits.adminConnections, perAddress: limits.adminConnections)
        return [
            listener,
            Listener(
                admin, option: "--admin-listen",
                remedy: "choose another --admin-listen address, or --admin-listen none",
                routes: AdminRoutes(host: host, registry: registry),
                registry: ConnectionRegistry(connections: adminConnections, limits: limits, metrics: ServerMetrics()),
                intake: Intake(audience: .operators, limits: limits), onRefusal: { _ in }, logger: logger,
                onReady: { ready.set(adminPort: $0) }),
        ]
    }
}

/// Waits until all listeners listen.
private final class ReadyPorts: Sendable {
    private let ports = Mutex<(port: Int?, adminPort: Int?)>((nil, nil))
    private let needsAdmin: Bool
    private let onReady: @Sendable (HostServer.Ports) -> Void

    init(needsAdmin: Bool, onReady: @escaping @Sendable (HostServer.Ports) -> Void) {
        self.needsAdmin = needsAdmin
        self.onReady = onReady
    }

    var areSet: Bool { ports.withLock { all(of: $0) != nil } }

    func set(port: Int? = nil, adminPort: Int? = nil) {
        let ready = ports.withLock { ports in
            ports = (port ?? ports.port, adminPort ?? ports.adminPort)
            return all(of: ports)
        }
        if let ready { onReady(ready) }
    }

    private func all(of ports: (port: Int?, adminPort: Int?)) -> HostServer.Ports? {
        guard let port = ports.port, !needsAdmin || ports.adminPort != nil else { return nil }
        return .init(port: port, adminPort: ports.adminPort)
    }
}

/// The server could not run.
package struct HostServerError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package let remedy: String
    package var description: String { message }
}
