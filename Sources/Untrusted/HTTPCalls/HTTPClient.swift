// SPDX-License-Identifier: Apache-2.0
package import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// Requests to one address over kept connections, one at a time on each. No redirects, cookies, proxies or TLS; deadlines
/// and sizes are bounded.
package final class HTTPClient: Sendable {
    private let host: String
    private let port: Int
    private let idle = Mutex<[any Channel]>([])

    private static let maximumIdle = 64
    private static let connectTime = TimeAmount.seconds(2)
    private static let maximumHeaderBytes = 32 << 10

    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    deinit { for channel in idle.withLock({ $0 }) { channel.close(promise: nil) } }

    /// Sends a request. The request must be idempotent: if a kept connection turns out to be closed, it is sent again
    /// over a new one.
    ///
    /// If the task is cancelled, its connection is closed, so that the server can stop computing.
    ///
    /// - Throws: ``HTTPFault``, or an error of NIO if no connection can be made.
    package func send(
        _ head: HTTPRequestHead, _ body: ByteBuffer?, maximumBytes: Int, within time: Duration
    ) async throws -> HTTPAnswer {
        let deadline = NIODeadline.now() + TimeAmount(time)
        if let kept = idle.withLock({ Self.takeActive(&$0) }) {
            do { return try await send(head, body, maximumBytes, deadline, over: kept) } catch HTTPFault
                .closedBeforeAnswer
            {
                // The server closed it while it was idle, or the caller abandoned the request.
                try Task.checkCancellation()
            }
        }
        return try await send(head, body, maximumBytes, deadline, over: try await connect(by: deadline))
    }

    private func send(
        _ head: HTTPRequestHead, _ body: ByteBuffer?, _ maximumBytes: Int, _ deadline: NIODeadline,
        over channel: any Channel
    ) async throws -> HTTPAnswer {
        let promise = channel.eventLoop.makePromise(of: HTTPAnswer.self)
        let call = HTTPCall(
            head: head, body: body, maximumBytes: maximumBytes, deadline: deadline, promise: promise)
        // The handler receives later failures, but not that of a write to a closed channel.
        channel.writeAndFlush(call).whenFailure { _ in promise.fail(HTTPFault.closedBeforeAnswer) }
        let answer = try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        if answer.keepsConnection {
            let isKept = idle.withLock { idle in
                guard idle.count < Self.maximumIdle else { return false }
                idle.append(channel)
                return true
            }
            if !isKept { channel.close(promise: nil) }
        }
        return answer
    }

    private func connect(by deadline: NIODeadline) async throws -> any Channel {
        let left = deadline - .now()
        guard left > .zero else { throw HTTPFault.late }
        let connection = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(min(left, Self.connectTime))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var limits = NIOHTTPDecoderLimitConfiguration()
                    limits.maxHeaderFieldSize = Self.maximumHeaderBytes
                    limits.maxHeaderListSize = Self.maximumHeaderBytes
                    let decoder = HTTPResponseDecoder(
                        leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                        limitConfiguration: limits)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTPRequestEncoder())
                    try pipeline.addHandler(ByteToMessageHandler(decoder))
                    try pipeline.addHandler(HTTPCallHandler())
                }
            }
            .connect(host: host, port: port)
        let promise = connection.eventLoop.makePromise(of: (any Channel).self)
        connection.cascade(to: promise)
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            promise.fail(CancellationError())
            connection.whenSuccess { $0.close(promise: nil) }
        }
    }

    /// The connection that was used last, so that the others become idle and are closed.
    private static func takeActive(_ idle: inout [any Channel]) -> (any Channel)? {
        while let channel = idle.popLast() { if channel.isActive { return channel } }
        return nil
    }
}
