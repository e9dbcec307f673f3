// SPDX-License-Identifier: Apache-2.0
import Glibc
import HTTPTypes
import HostCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Forwards only complete requests: it holds the headers back until the body has arrived, within the limits on time,
/// size and memory, and refuses a request that exceeds them without reading on. A request for which there is no room is
/// refused on its event loop, and its body is never kept. It forwards one request at a time; data that a client sends
/// meanwhile stays in the socket. If a client does not read its answers, the connection is closed. When the server
/// stops, the answer in progress or the next one is the connection's last.
final class RequestGate: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum Phase {
        /// Between requests.
        case waiting
        case receiving(Reception)
        case answering(Answering)
        /// The last answer was sent, or the input cannot be parsed any further.
        case closing
    }

    private struct Reception {
        let head: HTTPRequest
        let allowance: Intake.Allowance
    }

    private struct Answering {
        var record: RequestRecord
        let isHead: Bool
        /// The CORS headers of the answer.
        let originHeaders: HTTPFields
        /// The client asked to close the connection after the answer.
        let isLast: Bool
        let start: ContinuousClock.Instant
    }

    private let identifier: ConnectionRegistry.Identifier?
    private let registry: ConnectionRegistry
    private let intake: Intake
    private let onEnd: (RequestRecord) -> Void
    private var clock: RequestClock
    private var phase = Phase.waiting
    /// The allowance of the request in reception.
    private var body = ByteBuffer()
    /// The number of bytes of a body that was read and dropped.
    private var droppedBytes = 0
    /// Parts of further requests that arrived with the one that is being answered.
    private var held: [HTTPRequestPart] = []
    private var endsAfterAnswer = false
    /// The server stops.
    private var isDraining = false
    private var owesRead = false
    private var context: ChannelHandlerContext?
    private let alarm = DeadlineAlarm()
    /// The number of bytes that the decoder has not decoded yet.
    private var undecodedBytes = 0
    /// The number of bytes handed to the channel, which may not have sent them yet.
    private var writtenBytes = 0

    /// The limit on pipelined requests, each of which takes much more memory than it has bytes. Clients send a few.
    private static let maximumHeldParts = 64
    /// The decoder limits headers, but it buffers without bound the data after a request to upgrade to another
    /// protocol, and skips chunk extensions of any length. One read returns at most 64 KiB.
    private static let maximumUndecodedBytes = 128 << 10
    /// When the server stops, a client with a kept connection can send one more request in this time.
    private static let drainGrace = TimeAmount.seconds(1)

    /// - Parameters:
    ///   - identifier: `nil` if there is no room for the connection: it is closed as soon as possible.
    ///   - onEnd: Called for every request that was answered or refused.
    init(
        _ identifier: ConnectionRegistry.Identifier?, registry: ConnectionRegistry, intake: Intake,
        onEnd: @escaping (RequestRecord) -> Void
    ) {
        self.identifier = identifier
        self.registry = registry
        self.intake = intake
        self.onEnd = onEnd
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

    private func stopReceiving() { (phase, body, droppedBytes, held) = (.closing, ByteBuffer(), 0, []) }

    // MARK: Time

    /// Bytes have arrived, which the decoder may not have decoded yet.
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
        clock.sent(sentBytes(context))
        switch clock.expiry(at: .now) {
        case .request: refuse(.tooSlow, context)
        case .unread:
            registry.countUnread()
            drop(context)
        case .closing where !context.channel.isWritable: drop(context)
        case .idle, .closing: context.close(promise: nil)
        case nil: arm(context)
        }
    }

    // MARK: Reading clients

    func bytesWritten(_ count: Int) { writtenBytes += count }

    private func sentBytes(_ context: ChannelHandlerContext) -> Int {
        let waiting = try? context.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)
        return writtenBytes - (waiting ?? 0)
    }

    /// While the channel is not writable, the next answer waits in the responder.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isStalled = !context.channel.isWritable
        if let identifier { registry.setStalled(identifier, isStalled) }
        if isStalled {
            clock.stalled(sent: sentBytes(context), at: .now)
            arm(context)
        } else {
            clock.resumed()
        }
        context.fireChannelWritabilityChanged()
    }

    /// Closes the connection and discards the data that its client has not read, which the kernel would keep otherwise.
    private func drop(_ context: ChannelHandlerContext) {
        forgetUnsent(context)
        context.close(promise: nil)
    }

    private func forgetUnsent(_ context: ChannelHandlerContext) {
        _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
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
        if held.count < Self.maximumHeldParts { held.append(part) } else { endsAfterAnswer = true }
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
        case .refused(let refusal): refuse(refusal, of: head, context)
        case .accepted(let allowance):
            if allowance.awaitsContinue, let refusal = allowance.refusal { return refuse(refusal, of: head, context) }
            if allowance.refusal == nil, let identifier, let budget = allowance.budget {
                registry.beginBody(identifier, budget, at: now)
            }
            phase = .receiving(Reception(head: head, allowance: allowance))
            if allowance.awaitsContinue {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            arm(context)
        }
    }

    private func receive(_ bytes: ByteBuffer, _ allowance: Intake.Allowance, _ context: ChannelHandlerContext) {
        let count = bytes.readableBytes
        let total = body.readableBytes + droppedBytes + count
        guard total <= allowance.limit else { return refuse(allowance.excess, context) }
        if allowance.refusal != nil {
            droppedBytes += count
            return clock.bodyArrived(count)
        }
        guard let identifier, registry.take(count, for: identifier, at: .now) else { return refuse(.noRoom, context) }
        if body.capacity == 0 {
            // Reserves the announced size at once: memory that is never written to costs nothing.
            body = context.channel.allocator.buffer(capacity: allowance.announced ?? count)
        }
        body.writeImmutableBuffer(bytes)
        clock.bodyArrived(count)
    }

    private func complete(_ reception: Reception, _ trailers: HTTPFields?, _ context: ChannelHandlerContext) {
        let refusal = reception.allowance.refusal
        let hasBody = refusal == nil && reception.allowance.budget != nil
        guard let identifier, registry.beginAnswer(identifier, hasBody: hasBody) else {
            return refuse(.noRoom, context)
        }
        clock.requestArrived()
        var record = RequestRecord(reception.allowance, bodyBytes: body.readableBytes + droppedBytes)
        if let refusal { record.note(refusal) }
        phase = .answering(
            Answering(
                record: record, isHead: reception.head.method == .head,
                originHeaders: intake.origins.headers(for: reception.head),
                isLast: reception.head.headerFields[.connection] == "close", start: .now))
        let message = body
        (body, droppedBytes) = (ByteBuffer(), 0)
        if let refusal { return turnAway(reception.head, refusal, context) }
        var head = reception.head
        // Replaces the client's value.
        head.headerFields[.requestIdentifier] = record.identifier
        context.fireChannelRead(wrapInboundOut(.head(head)))
        if message.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(message))) }
        context.fireChannelRead(wrapInboundOut(.end(trailers)))
    }

    // MARK: Answers

    /// Refuses the request and keeps the connection.
    private func turnAway(_ head: HTTPRequest, _ refusal: Refusal, _ context: ChannelHandlerContext) {
        var (headers, json) = refusal.content
        headers[.route] = (Route(of: head.headerFields) ?? .random()).text
        let response = HTTPResponse(status: refusal.status, headerFields: headers)
        for part: HTTPResponsePart in [.head(response), .body(json), .end(nil)] {
            write(context: context, data: wrapOutboundOut(part), promise: nil)
        }
        context.flush()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .answering(var answering) = phase else { return context.write(data, promise: promise) }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            answering.record.note(head)
            phase = .answering(answering)
            head.headerFields[.requestIdentifier] = answering.record.identifier
            head.headerFields.append(contentsOf: answering.originHeaders)
            if answering.isLast || isDraining { head.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body where answering.isHead: promise?.succeed()
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            answered(answering, context)
        }
    }

    private func answered(_ answering: Answering, _ context: ChannelHandlerContext) {
        guard let identifier else { return }
        let now = ContinuousClock.now
        var record = answering.record
        record.time = now - answering.start
        onEnd(record)
        registry.completed(identifier, at: now)
        clock.answered(at: now)
        phase = .waiting
        if endsAfterAnswer || answering.isLast || isDraining {
            context.flush()
            return close(context)
        }
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

    /// Sends the last response on this connection, without reading on.
    ///
    /// - Parameter head: The head of the request, if it is not in reception yet.
    private func refuse(_ refusal: Refusal, of head: HTTPRequest? = nil, _ context: ChannelHandlerContext) {
        let reception: Reception? = if case .receiving(let reception) = phase { reception } else { nil }
        let allowance = reception?.allowance
        var record = RequestRecord(allowance, bodyBytes: body.readableBytes)
        record.note(refusal)
        onEnd(record)
        stopReceiving()
        var (headers, json) = refusal.content
        headers[.connection] = "close"
        headers[.requestIdentifier] = record.identifier
        if let head = head ?? reception?.head {
            headers.append(contentsOf: intake.origins.headers(for: head))
        }
        context.write(wrapOutboundOut(.head(HTTPResponse(status: refusal.status, headerFields: headers))), promise: nil)
        if json.readableBytes > 0 { context.write(wrapOutboundOut(.body(json)), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        close(context)
    }

    /// Ends the outgoing direction, so that the client can read its answer before the connection is closed.
    private func close(_ context: ChannelHandlerContext) { close(context: context, mode: .output, promise: nil) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            stopReceiving()
            if let identifier { registry.closing(identifier) }
            clock.closing(at: .now)
            arm(context)
        } else if mode == .all, !context.channel.isWritable {
            forgetUnsent(context)
        }
        context.close(mode: mode, promise: promise)
    }

    // MARK: Events

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ConnectionRegistry.BodyGivenUp: if case .receiving = phase { refuse(.noRoom, context) }
        case ChannelEvent.inputClosed:
            // A client that closes before the answer to a sealed request is ready has abandoned the request.
            if case .answering(let answering) = phase, answering.record.endpoint == .sealedRequest {
                context.close(promise: nil)
            } else {
                context.fireUserInboundEventTriggered(event)
            }
        case is ChannelShouldQuiesceEvent:
            isDraining = true
            context.eventLoop.assumeIsolated().scheduleTask(in: Self.drainGrace) { [weak self] in self?.endIdling() }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func endIdling() {
        guard let context, case .waiting = phase, clock.isIdle else { return }
        close(context)
    }

    /// Input that is not HTTP, or has too many headers.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !(error is IOError), !(error is ChannelError) else { return context.fireErrorCaught(error) }
        switch phase {
        case .waiting, .receiving:
            refuse(error as? HTTPParserError == .headerOverflow ? .headersTooLarge : .malformed, context)
        case .answering: endsAfterAnswer = true
        case .closing: break
        }
    }
}

@available(*, unavailable)
extension RequestGate: Sendable {}
