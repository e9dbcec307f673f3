// SPDX-License-Identifier: Apache-2.0
import Attestation
import Foundation
import InfenclaveClient
package import InferenceProxy
package import Logging
import ProductVersion
import SealedChannel
package import ServiceLifecycle
import UnixSignals

/// Runs a proxy with the given arguments.
package struct ProxyRun: Sendable {
    /// The components that other listeners share.
    package struct Parts: Sendable {
        package let service: InferenceService
        package let access: AccessRule
        package let budget: RequestBudget
        package let logger: Logger
    }

    private let arguments: ProxyArguments
    private let pool: UpstreamPool
    private let parts: Parts
    private let console: Console
    private let address: ProxyAddress

    /// The time for requests in progress after the signal to stop; then they are aborted. Service managers wait longer.
    private static let shutdownTime: Duration = .seconds(10)

    /// - Throws: ``ProxyError``, ``ClientError``, `SealedChannelError`.
    package init(_ arguments: ProxyArguments) throws {
        guard let address = ProxyAddress(arguments.listen) else {
            throw ProxyError("'\(arguments.listen)' is no address to listen on")
        }
        self.arguments = arguments
        self.address = address
        let logger = Logger(label: "infenclave-proxy", factory: { StreamLogHandler.standardError(label: $0) })
        let token = try AccessToken(contentsOf: arguments.token)
        let isDevelopment = arguments.tee == "development"
        let policyPath = arguments.policy
        let file = try PolicyFile(policyPath) { (policy) throws(ClientError) in
            guard policy.tee != [.development] || isDevelopment else {
                throw ClientError(
                    .invalidConfiguration,
                    "\(policyPath) is for the development TEE, which must be accepted by name",
                    remedy: "add --tee development if the machine is yours and this is a trial")
            }
        }
        let (policy, sources, history) = (
            try file.policy(), try arguments.collateral.sources(), try arguments.collateral.history()
        )
        var options = ClientOptions()
        // With several servers, the second attempt goes to the next server.
        if arguments.server.count > 1 { options.retries = .never }
        let transport = ObservedTransport(CurlTransport())
        let clients = try arguments.server.map { server in
            try InfenclaveClient(
                server: server, policy: policy, token: token, development: isDevelopment ? .dangerouslyAccept : .refuse,
                collateral: sources, history: history, options: options, transport: transport)
        }
        pool = UpstreamPool(clients: clients, policy: file, logger: logger)
        let log = RequestLog()
        let backend = LoggedBackend(pool, log: log)
        console = Console(pool: pool, log: log, policy: file)
        parts = Parts(
            service: InferenceService(backend: backend, version: ProductVersion.text),
            access: AccessRule(key: try arguments.apiKey.map { try APIKey(contentsOf: $0) }), budget: RequestBudget(),
            logger: logger)
    }

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter others: Makes the listeners other than REST's.
    package func run(beside others: (Parts) throws -> [any Service] = { _ in [] }) async throws {
        if arguments.tee == "development" {
            parts.logger.warning("\(DevelopmentTEE.warning)")
        }
        let (address, logger) = (address, parts.logger)
        let server = RESTServer(
            address, service: parts.service, access: parts.access, budget: parts.budget, console: console,
            logger: logger
        ) { port in
            let url = "http://\(ProxyAddress(host: address.host, port: port))"
            logger.notice("Open Inference Protocol at \(url)")
            logger.notice("console at \(url)/console")
        }
        let services: [any Service] = [pool, server] + (try others(parts))
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, failureTerminationBehavior: .cancelGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = Self.shutdownTime
        do { try await ServiceGroup(configuration: configuration).run() } catch is CancellationError {
            logger.warning("requests that had not ended after \(Self.shutdownTime) were aborted")
        }
    }
}
