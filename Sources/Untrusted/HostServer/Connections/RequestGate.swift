import HTTPTypes
import HostCore
import NIOCore
import NIOHTTPTypes

/// Lets only complete requests in: it keeps the headers back until the body is there, within the limits on time, size
/// and memory, and refuses what exceeds them without reading on. One request at a time; what a client sends meanwhile
/// stays in its socket.
final class RequestGate: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum Phase {
        /// Between requests.
        case waiting
        case receiving(Reception)
        case answering
        /// The last answer was sent, or nothing more can be made of what comes.
        case closing
    }

    private struct Reception {
        let head: HTTPRequest
        let allowance: Intake.Allowance
    }

    private let identifier: ConnectionRegistry.Identifier?
    private let registry: ConnectionRegistry
    private let intake: Intake
    private let onRefusal: (Refusal) -> Void
    private var clock: RequestClock
    private var phase = Phase.waiting
    /// Of the request in reception.
    private var body = ByteBuffer()
    /// Of further requests that came together with the one that is answered.
    private var held: [HTTPRequestPart] = []
    private var isOverfull = false
    private var owesRead = false
    private var context: ChannelHandlerContext?
    private let alarm = DeadlineAlarm()
    /// Bytes of which the decoder has made nothing yet.
    private var undecodedBytes = 0

    /// Clients that send requests without waiting for answers send a few; more would take much more memory than they
    /// have bytes.
    private static let maximumHeldParts = 64
    /// The decoder limits headers by itself, but it keeps without bound what follows a request for another protocol, and
    /// passes over extensions of chunks of any length. One reading brings at most 64 KiB.
    private static let maximumUndecodedBytes = 128 << 10

    /// - Parameters:
    ///   - identifier: `nil` when there is no room for the connection: it is closed as soon as it can be.
    ///   - onRefusal: Told what is refused here.
    init(
        _ identifier: ConnectionRegistry.Identifier?, registry: ConnectionRegistry, intake: Intake,
        onRefusal: @escaping (Refusal) -> Void
    ) {
        self.identifier = identifier
        self.registry = registry
        self.intake = intake
        self.onRefusal = onRefusal
        clock = RequestClock(intake.limits.clock, at: .now)
    }

    // MARK: The connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        begin(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        if identifier == nil { context.close(promise: nil) } else { arm(context) }
    }

    private func end() {
        context = nil
        alarm.cancel()
        stopReceiving()
    }

    private func stopReceiving() { (phase, body, held) = (.closing, ByteBuffer(), []) }

    // MARK: Time

    /// Bytes have come, of which the decoder may not have made anything yet.
    func bytesArrived(_ count: Int) {
        clock.bytesArrived(at: .now)
        undecodedBytes += count
        guard let context else { return }
        if undecodedBytes > Self.maximumUndecodedBytes { context.close(promise: nil) } else { arm(context) }
    }

    private func arm(_ context: ChannelHandlerContext) {
        guard let deadline = clock.deadline else { return }
        alarm.set(to: deadline, on: context.eventLoop) { [weak self] in self?.ring() }
    }

    private func ring() {
        guard let context else { return }
        switch clock.expiry(at: .now) {
        case .request: refuse(.tooSlow, context)
        case .idle, .closing: context.close(promise: nil)
        case nil: arm(context)
        }
    }

    // MARK: Requests

    func read(context: ChannelHandlerContext) {
        switch phase {
        case .waiting, .receiving: context.read()
        case .answering: owesRead = true
        case .closing: break
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        undecodedBytes = 0
        if case .answering = phase { hold(part) } else { receive(part, context) }
    }

    private func hold(_ part: HTTPRequestPart) {
        if held.count < Self.maximumHeldParts { held.append(part) } else { isOverfull = true }
    }

    private func receive(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch (phase, part) {
        case (.waiting, .head(let head)): receive(head, context)
        case (.receiving(let reception), .body(let bytes)): receive(bytes, reception.allowance, context)
        case (.receiving(let reception), .end(let trailers)): complete(reception, trailers, context)
        default: break
        }
    }

    private func receive(_ head: HTTPRequest, _ context: ChannelHandlerContext) {
        let now = ContinuousClock.now
        clock.headArrived(at: now)
        switch intake.verdict(on: head) {
        case .refused(let refusal): refuse(refusal, context)
        case .accepted(let allowance):
            if let identifier, let budget = allowance.budget { registry.beginBody(identifier, budget, at: now) }
            phase = .receiving(Reception(head: head, allowance: allowance))
            arm(context)
        }
    }

    private func receive(_ bytes: ByteBuffer, _ allowance: Intake.Allowance, _ context: ChannelHandlerContext) {
        let count = bytes.readableBytes
        guard body.readableBytes + count <= allowance.limit else { return refuse(allowance.excess, context) }
        guard let identifier, registry.take(count, for: identifier, at: .now) else { return refuse(.noRoom, context) }
        if body.capacity == 0 {
            // Memory that is never written to costs nothing, so that what was announced is reserved once.
            body = context.channel.allocator.buffer(capacity: allowance.announced ?? count)
        }
        body.writeImmutableBuffer(bytes)
        clock.bodyArrived(count)
    }

    private func complete(_ reception: Reception, _ trailers: HTTPFields?, _ context: ChannelHandlerContext) {
        guard let identifier, registry.beginAnswer(identifier, hasBody: reception.allowance.budget != nil) else {
            return refuse(.noRoom, context)
        }
        clock.requestArrived()
        phase = .answering
        let message = body
        body = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(.head(reception.head)))
        if message.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(message))) }
        context.fireChannelRead(wrapInboundOut(.end(trailers)))
    }

    // MARK: Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let isEnd = if case .end = unwrapOutboundIn(data) { true } else { false }
        context.write(data, promise: promise)
        if isEnd { answered(context) }
    }

    private func answered(_ context: ChannelHandlerContext) {
        guard case .answering = phase, let identifier else { return }
        let now = ContinuousClock.now
        registry.completed(identifier, at: now)
        clock.answered(at: now)
        phase = .waiting
        if isOverfull { return close(context) }
        let parts = held
        held = []
        for part in parts { channelRead(context: context, data: wrapInboundOut(part)) }
        if !parts.isEmpty { context.fireChannelReadComplete() }
        if case .answering = phase { return }
        arm(context)
        if owesRead {
            owesRead = false
            read(context: context)
        }
    }

    /// The server's last word on this connection, without reading on.
    private func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        onRefusal(refusal)
        stopReceiving()
        let json = refusal.body
        var headers = refusal.headers
        headers[.contentLength] = String(json.readableBytes)
        headers[.connection] = "close"
        context.write(wrapOutboundOut(.head(HTTPResponse(status: refusal.status, headerFields: headers))), promise: nil)
        if json.readableBytes > 0 { context.write(wrapOutboundOut(.body(json)), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        close(context)
    }

    /// Ends the outgoing direction, so that the client can read its answer before the connection goes.
    private func close(_ context: ChannelHandlerContext) { close(context: context, mode: .output, promise: nil) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            stopReceiving()
            if let identifier { registry.closing(identifier) }
            clock.closing(at: .now)
            arm(context)
        }
        context.close(mode: mode, promise: promise)
    }

    // MARK: Events

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ConnectionRegistry.BodyGivenUp else { return context.fireUserInboundEventTriggered(event) }
        if case .receiving = phase { refuse(.noRoom, context) }
    }

    /// What is no HTTP: the server answers 400 and closes.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        stopReceiving()
        if let identifier { registry.closing(identifier) }
        clock.closing(at: .now)
        arm(context)
        context.fireErrorCaught(error)
    }
}

@available(*, unavailable)
extension RequestGate: Sendable {}
