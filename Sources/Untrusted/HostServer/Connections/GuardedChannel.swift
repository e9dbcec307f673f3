// SPDX-License-Identifier: Apache-2.0
import HostCore
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Hummingbird's HTTP/1.1 channel behind a ``RequestGate``.
struct GuardedChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let registry: ConnectionRegistry
    let intake: Intake
    let onEnd: @Sendable (RequestRecord) -> Void

    /// The limit on a request's headers. The longest path has a nonce of 64 bytes; proxies add headers.
    private static let maximumHeaderBytes = 16 << 10
    private static let maximumHeaderCount = 100

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let identifier = registry.open(channel, at: .now)
            if let identifier { channel.closeFuture.whenComplete { _ in registry.close(identifier, channel) } }
            let gate = RequestGate(identifier, registry: registry, intake: intake, onEnd: onEnd)
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(ByteWatch(gate))
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = Self.maximumHeaderBytes
            limits.maxHeaderListSize = Self.maximumHeaderBytes
            limits.maxHeaderFieldCount = Self.maximumHeaderCount
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
            try pipeline.addHandler(ProtocolWatch())
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try pipeline.addHandler(gate)
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        // Operators' requests wait for actors, which may be busy for long.
        let executor = intake.audience == .everybody ? LoopExecutor.of(value.channel.eventLoop) : nil
        await withTaskExecutorPreference(executor) {
            await handleHTTP(asyncChannel: value, logger: logger)
        }
    }
}

/// Reports all bytes to the gate: incoming ones before the decoder, outgoing ones after the encoder.
private final class ByteWatch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let gate: RequestGate

    init(_ gate: RequestGate) { self.gate = gate }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        gate.bytesArrived(unwrapInboundIn(data).readableBytes)
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        gate.bytesWritten(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }
}
