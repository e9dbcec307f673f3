// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import HTTPTypes
import HostCore
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A listening address, or a listening socket of the service manager.
struct Listener: Service {
    let address: ListeningAddress
    /// An inherited socket, used in place of an own one.
    let inherited: Int32?
    /// The option that names the address.
    let option: String
    let remedy: String
    private let channels: GuardedChannel
    private let maximumConnections: Int
    private let logger: Logger
    private let onReady: @Sendable (Int) -> Void

    /// The queue of connections to accept; Linux' default. With a full queue a client tries again after a second, which
    /// is too long for a health probe.
    private static let backlog: Int32 = 4096
    /// The kernel's send buffer for each connection, which would otherwise grow to 4 MiB if a client does not read. An
    /// answer is much shorter.
    private static let sendBufferBytes = 128 << 10

    /// - Parameters:
    ///   - registry: The listener's connections.
    ///   - connections: The capacity of the registry.
    ///   - onReady: Called with the port that is listened on.
    init(
        _ address: ListeningAddress, inherited: Int32?, option: String, remedy: String,
        routes: some HTTPResponder<ClientContext>,
        registry: ConnectionRegistry, connections: Int, intake: Intake,
        onEnd: @escaping @Sendable (RequestRecord) -> Void, logger: Logger,
        onReady: @escaping @Sendable (Int) -> Void
    ) {
        self.address = address
        self.inherited = inherited
        self.option = option
        self.remedy = remedy
        self.logger = logger
        self.onReady = onReady
        // The table limits connections too, but only after they were accepted.
        maximumConnections = connections + DescriptorLimit.unsettledConnections
        let dates = DateHeader()
        channels = GuardedChannel(
            responder: { request, writer, channel in
                let context = ClientContext(source: .init(channel: channel, logger: logger))
                var response = try await routes.respond(to: request, context: context)
                response.headers[.date] = dates.text
                response.headers[.server] = "infenclave"
                registry.answerIsReady(on: channel)
                try await writer.write(response: response.head, body: response.body)
            }, registry: registry, intake: intake, onEnd: onEnd)
    }

    func run() async throws {
        let listening: NIOAsyncChannel<GuardedChannel.Value, Never>
        let open = OpenChannels()
        do { listening = try await bind(open) } catch let error as IOError {
            throw failure(String(cString: strerror(error.errnoCode)))
        } catch { throw failure("\(error)") }
        await withGracefulShutdownHandler {
            onReady(listening.channel.localAddress?.port ?? 0)
            await withDiscardingTaskGroup { group in
                do {
                    try await listening.executeThenClose { connections in
                        for try await connection in connections {
                            group.addTask { await channels.handle(value: connection, logger: logger) }
                        }
                    }
                } catch { logger.error("\(address) is no longer listened on: \(error)") }
            }
        } onGracefulShutdown: {
            listening.channel.close(promise: nil)
            open.quiesce()
        }
    }

    private func bind(_ open: OpenChannels) async throws -> NIOAsyncChannel<GuardedChannel.Value, Never> {
        let limit = MaximumAvailableConnections(maximumConnections, logger: logger)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.so_sndbuf), value: Self.sendBufferBytes)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AvailableConnectionsChannelHandler(delegate: limit))
                }
            }
        let set: @Sendable (any Channel) -> EventLoopFuture<GuardedChannel.Value> = { [channels, logger] channel in
            open.insert(channel)
            return channels.setup(channel: channel, logger: logger)
        }
        guard let inherited else {
            return try await bootstrap.bind(
                host: address.hostname, port: address.port, childChannelInitializer: set)
        }
        return try await bootstrap.bind(inherited, childChannelInitializer: set)
    }

    private func failure(_ reason: String) -> HostServerError {
        HostServerError(message: "\(address) cannot be listened on (\(option)): \(reason)", remedy: remedy)
    }
}

/// The connections of one listener, so that each can be told that the server stops.
private final class OpenChannels: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isQuiescing = false
    }

    private let state = Mutex(State())

    func insert(_ channel: any Channel) {
        let isQuiescing = state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = channel
            return state.isQuiescing
        }
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
        }
        if isQuiescing { Self.tell(channel) }
    }

    func quiesce() {
        let channels = state.withLock { state in
            state.isQuiescing = true
            return Array(state.channels.values)
        }
        for channel in channels { Self.tell(channel) }
    }

    /// Runs after the handlers of a new connection were added.
    private static func tell(_ channel: any Channel) {
        channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }
}

/// The header `date` of the present second (RFC 9110, section 6.6.1).
private final class DateHeader: Sendable {
    private let latest = Mutex<(second: Int, text: String)>((-1, ""))

    var text: String {
        var now = time(nil)
        return latest.withLock { latest in
            if latest.second == now { return latest.text }
            var parts = tm()
            gmtime_r(&now, &parts)
            // In English: the process keeps the C locale.
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                let count = strftime(buffer.baseAddress!, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
                return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
            latest = (now, text)
            return text
        }
    }
}
