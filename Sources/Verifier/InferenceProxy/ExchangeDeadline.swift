// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTPTypes

/// Closes the connection of a client that takes too long to send all of a request, or to read all of an answer. The
/// server's idle timeout limits neither: one byte now and then counts as activity, and no answer in progress is idle.
final class ExchangeDeadline: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: TimeAmount
    private var reading: Scheduled<Void>?
    private var answering: Scheduled<Void>?

    /// - Parameter limit: The time limit for a request, and for an answer, each from its head to its end.
    init(_ limit: Duration) { self.limit = TimeAmount(limit) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: reading = closing(context)
        case .body: break
        case .end: reading?.cancel()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var promise = promise
        switch unwrapOutboundIn(data) {
        case .head: answering = closing(context)
        case .body: break
        case .end:
            // The answer is complete when the kernel has accepted the last byte.
            let (sent, timer) = (promise ?? context.eventLoop.makePromise(), answering)
            sent.futureResult.assumeIsolated().whenComplete { _ in timer?.cancel() }
            promise = sent
        }
        context.write(data, promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        reading?.cancel()
        answering?.cancel()
    }

    private func closing(_ context: ChannelHandlerContext) -> Scheduled<Void> {
        context.eventLoop.assumeIsolated().scheduleTask(in: limit) { context.close(promise: nil) }
    }
}
