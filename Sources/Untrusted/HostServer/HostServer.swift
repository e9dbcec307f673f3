// SPDX-License-Identifier: Apache-2.0
import Foundation
package import HostCore
import Hummingbird
import HummingbirdCore
import Logging
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

/// The HTTP server of a host: one listener for clients, and one for operators.
package struct HostServer: Sendable {
    /// The addresses that the server listens on.
    package struct Ports: Sendable {
        package let port: Int
        /// `nil` without a listener for operators.
        package let adminPort: Int?
    }

    private let models: ModelRegistry
    private let address: ListeningAddress
    private let admin: ListeningAddress?
    private let limits: ServerLimits
    private let origins: AllowedOrigins
    private let log: OperatorLog
    private let build: [(String, String)]
    private let onReload: (@Sendable () async -> Void)?
    private let inherited: InheritedSockets
    private let traces: (any TraceSink)?

    /// Keeps a SIGHUP from ending a server without a terminal while it starts. Call it early, but after the program has
    /// replaced itself by `exec`: ignored signals stay ignored across `exec`.
    package static func prepareSignals() { OperatorSignals.prepare() }

    /// When this time has passed, unanswered requests are refused with an error.
    static let drainTime: Duration = .seconds(6)
    /// When this time has passed, open connections are closed.
    private static let shutdownTime: Duration = .seconds(10)

    /// - Parameters:
    ///   - admin: `nil` for no listener for operators.
    ///   - origins: The origins whose pages may send requests from a browser.
    ///   - build: Versions of this program and its components, by name, for operators.
    ///   - inherited: Sockets to use in place of those addresses.
    ///   - traces: Receives the traces of requests.
    ///   - onReload: Reads the configuration again, when SIGHUP asks for it.
    package init(
        models: ModelRegistry, address: ListeningAddress, admin: ListeningAddress?, limits: ServerLimits,
        origins: AllowedOrigins = .none, log: OperatorLog, build: [(String, String)] = [],
        inherited: InheritedSockets = .none, traces: (any TraceSink)? = nil,
        onReload: (@Sendable () async -> Void)? = nil
    ) {
        self.models = models
        self.address = address
        self.admin = admin
        self.limits = limits
        self.origins = origins
        self.log = log
        self.build = build
        self.onReload = onReload
        self.inherited = inherited
        self.traces = traces
        OperatorSignals.lookForTerminal()
    }

    /// Serves until SIGTERM or SIGINT; requests in progress are drained first.
    ///
    /// - Parameter onReady: Called once, with the ports that are listened on.
    /// - Throws: ``HostServerError`` when an address cannot be listened on, or hardly any connection would be possible.
    package func run(onReady: @escaping @Sendable (Ports) -> Void) async throws {
        HostMemory.returnLargeBlocks()
        HostProcess.noteStart()
        let manager = ServiceManager()
        let ready = ReadyPorts(needsAdmin: admin != nil) { ports in
            onReady(ports)
            manager?.ready("listening on port \(ports.port)")
        }
        let logger = Logger(label: "infenclave") { [log] _ in LibraryLog(log) }
        do {
            let services = try listeners(logger: logger, ready: ready, manager: manager).map {
                ServiceGroupConfiguration.ServiceConfiguration(service: $0, failureTerminationBehavior: .cancelGroup)
            }
            var configuration = ServiceGroupConfiguration(
                services: [.init(service: Heartbeat(models: models, manager: manager))] + services,
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            configuration.maximumGracefulShutdownDuration = Self.shutdownTime
            let group = ServiceGroup(configuration: configuration)
            let reloads = Reloads(onReload, log: log)
            let signals = OperatorSignals(
                log: log, onReport: { name in Task { await report(name) } },
                onHangup: { Task { await group.triggerGracefulShutdown() } }, onReload: reloads.ask)
            defer { signals.cancel() }
            let reloading = Task { await reloads.run() }
            defer { reloading.cancel() }
            try await group.run()
        } catch {
            let wasStopping = models.isStopping
            await models.stop()
            guard wasStopping else { throw error }
            log.write(LogLine(.warning, "requests that had not ended after \(Self.shutdownTime) were aborted"))
        }
        await models.stop()
    }

    private func report(_ signal: String) async {
        let readiness = await models.readiness
        log.write(
            LogLine(.info, "\(signal): \(readiness.state.rawValue)\(readiness.reason.map { ", \($0)" } ?? "")"))
    }

    /// The listener for clients is the last, so that it stops first and operators can observe the shutdown.
    private func listeners(
        logger: Logger, ready: ReadyPorts, manager: ServiceManager?
    ) throws -> [any Service] {
        let descriptors = try DescriptorLimit(
            for: limits, enclaves: models.models.reduce(0) { $0 + $1.serving.members.count },
            eventLoops: System.coreCount)
        if descriptors.connections < limits.connections {
            log.write(
                LogLine(
                    .warning,
                    "the limit of file descriptors leaves \(descriptors.connections) of \(limits.connections) connections; raise `ulimit -Hn` (LimitNOFILE)"
                ))
        }
        let connections = ConnectionTable.Limits(
            total: descriptors.connections, perAddress: limits.connectionsPerAddress)
        let metrics = ServerMetrics()
        let registry = ConnectionRegistry(connections: connections, limits: limits, metrics: metrics)
        let listener = Listener(
            address, inherited: inherited.clients, option: "--listen", remedy: "choose another --listen address",
            routes: Routes(models: models, limits: limits, registry: registry, origins: origins, traces: traces),
            registry: registry,
            connections: descriptors.connections,
            intake: Intake(audience: .everybody, limits: limits, models: models, origins: origins),
            onEnd: { [models, log] record in
                metrics.count(record)
                if record.wasTurnedAway, record.code == "overloaded" {
                    models[record.model]?.metrics.countRefusal("overloaded")
                }
                if record.status == 500 || log.holds(.debug) { log.write(record.line) }
            }, logger: logger, onReady: { ready.set(port: $0) })
        let draining = Draining(service: listener, models: models, log: log, manager: manager)
        guard let admin else { return [draining] }
        let adminConnections = ConnectionTable.Limits(
            total: descriptors.adminConnections, perAddress: descriptors.adminConnections)
        return [
            Listener(
                admin, inherited: inherited.admin, option: "--admin-listen",
                remedy: "choose another --admin-listen address, or --admin-listen none",
                routes: AdminRoutes(models: models, registry: registry, build: build, traces: traces),
                registry: ConnectionRegistry(connections: adminConnections, limits: limits, metrics: ServerMetrics()),
                connections: descriptors.adminConnections,
                intake: Intake(audience: .operators, limits: limits, models: models),
                onEnd: { _ in }, logger: logger, onReady: { ready.set(adminPort: $0) }),
            draining,
        ]
    }
}

extension RequestRecord {
    /// At level `debug`, except for internal faults.
    fileprivate var line: LogLine {
        var fields: [String: LogLine.Value] = [
            "request": .text(identifier), "endpoint": .text(endpoint?.label ?? "none"), "status": .integer(status),
            "bytes": .integer(bodyBytes), "ms": .number(Double(Int(time / .microseconds(1))) / 1000),
        ]
        if let model { fields["model"] = .text(model) }
        if let code { fields["code"] = .text(code) }
        return LogLine(status == 500 ? .error : .debug, status == 500 ? "a request failed" : "request", fields)
    }
}

/// Waits until all listeners accept connections.
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
