import Foundation
package import HostCore
import Hummingbird
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
            configuration: .init(address: .hostname(hostname, port: port), serverName: "infenclave"),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? 0) }, logger: quiet)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application, failureTerminationBehavior: .cancelGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
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
