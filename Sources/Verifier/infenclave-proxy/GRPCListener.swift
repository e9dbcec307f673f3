// SPDX-License-Identifier: Apache-2.0
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import InferenceProxy
import Logging
import ProxyCommand
import ServiceLifecycle

/// The proxy's listener for gRPC, without TLS, as REST's.
struct GRPCListener: Service {
    private let address: ProxyAddress
    private let logger: Logger
    private let server: GRPCServer<HTTP2ServerTransport.Posix>

    /// The server's limit on a message, with room for the encoding around it. gRPC's default is 4 MiB.
    private static let maximumMessageBytes = (16 << 20) + (1 << 20)
    /// Concurrent calls over one connection: as many as the proxy accepts from all clients together.
    private static let maximumStreams = 64

    init(_ address: ProxyAddress, _ parts: ProxyRun.Parts) {
        self.address = address
        logger = parts.logger
        let host = address.host.lowercased() == "localhost" ? "127.0.0.1" : address.host
        let transport = HTTP2ServerTransport.Posix(
            address: host.contains(":")
                ? .ipv6(host: host, port: address.port) : .ipv4(host: host, port: address.port),
            transportSecurity: .plaintext,
            config: .defaults { config in
                config.rpc.maxRequestPayloadSize = Self.maximumMessageBytes
                config.http2.maxConcurrentStreams = Self.maximumStreams
                config.connection.maxIdleTime = RESTServer.Limits().idleTime
                config.compression.enabledAlgorithms = .all
            })
        server = GRPCServer(transport: transport, services: [InferenceRPCs(parts)])
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup { group in
                group.addTask { try await server.serve() }
                group.addTask {
                    do {
                        let listening = try await server.listeningAddress
                        let port = listening?.ipv4?.port ?? listening?.ipv6?.port ?? address.port
                        logger.notice(
                            "Open Inference Protocol, gRPC at \(ProxyAddress(host: address.host, port: port))")
                    } catch {}
                }
                do { try await group.waitForAll() } catch let error as RuntimeError {
                    throw ProxyError(
                        "\(address) cannot be listened on: \(error.message)",
                        remedy: "choose another address with --grpc")
                }
            }
        } onGracefulShutdown: {
            server.beginGracefulShutdown()
        }
    }
}
