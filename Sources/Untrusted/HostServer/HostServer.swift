import Foundation
package import HostCore
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// The HTTP server of a host.
package struct HostServer: Sendable {
    private let host: EnclaveHost
    private let hostname: String
    private let port: Int
    private let logger: Logger

    /// A connection without a byte for this long is closed.
    private static let idleTimeout: TimeAmount = .seconds(60)
    private static let maximumConnections = 1024
    /// What is not answered by then is broken off.
    private static let shutdownTime: Duration = .seconds(10)

    package init(host: EnclaveHost, hostname: String, port: Int, logger: Logger) {
        self.host = host
        self.hostname = hostname
        self.port = port
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT; requests under way are answered first.
    ///
    /// - Parameter onReady: Called with the port that is listened on.
    /// - Throws: ``HostServerError`` when the address cannot be listened on.
    package func run(onReady: @escaping @Sendable (Int) -> Void) async throws {
        var quiet = logger
        quiet.logLevel = .warning
        let application = Application(
            router: Routes(host: host).router(),
            server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: .init(
                address: .hostname(hostname, port: port), serverName: "infenclave",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections, logger: quiet)),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? 0) }, logger: quiet)
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: application, failureTerminationBehavior: .cancelGroup)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        configuration.maximumGracefulShutdownDuration = Self.shutdownTime
        let group = ServiceGroup(configuration: configuration)
        do { try await group.run() } catch let error as IOError {
            await host.stop()
            throw HostServerError(
                message: "\(hostname):\(port) cannot be listened on: \(String(cString: strerror(error.errnoCode)))")
        } catch {
            await host.stop()
            throw HostServerError(message: "\(hostname):\(port) cannot be listened on: \(error)")
        }
        await host.stop()
    }
}

/// The server could not run.
package struct HostServerError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package var description: String { message }
}
