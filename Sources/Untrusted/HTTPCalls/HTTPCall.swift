// SPDX-License-Identifier: Apache-2.0
package import NIOCore
package import NIOHTTP1

/// A request, and the promise of its answer.
struct HTTPCall: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer?
    /// The maximum size of the answer's body.
    let maximumBytes: Int
    let deadline: NIODeadline
    let promise: EventLoopPromise<HTTPAnswer>
}

package struct HTTPAnswer: Sendable {
    package let status: Int
    package let headers: HTTPHeaders
    package let body: ByteBuffer
    /// Whether the connection may be used again.
    let keepsConnection: Bool
}

/// A connection was lost, timed out, or carried something other than HTTP.
package enum HTTPFault: Error {
    /// The connection was lost before the first byte of the answer, as happens if the server had closed a kept
    /// connection.
    case closedBeforeAnswer
    case closedWithinAnswer
    case late
    case tooLarge(Int)
    case noHTTP(String)
}

/// Sends one request at a time and collects its answer.
final class HTTPCallHandler: ChannelDuplexHandler {
    typealias OutboundIn = HTTPCall
    typealias OutboundOut = HTTPClientRequestPart
    typealias InboundIn = HTTPClientResponsePart

    private var call: HTTPCall?
    private var timeout: Scheduled<Void>?
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let call = unwrapOutboundIn(data)
        guard self.call == nil else {
            call.promise.fail(HTTPFault.noHTTP("a second request on a connection in use"))
            return
        }
        self.call = call
        timeout = context.eventLoop.assumeIsolated().scheduleTask(deadline: call.deadline) {
            self.fail(.late, context)
        }
        context.write(wrapOutboundOut(.head(call.head)), promise: nil)
        if let body = call.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let call else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
            if length > call.maximumBytes { fail(.tooLarge(call.maximumBytes), context) }
        case .body(var part):
            guard body.readableBytes + part.readableBytes <= call.maximumBytes else {
                return fail(.tooLarge(call.maximumBytes), context)
            }
            body.writeBuffer(&part)
        case .end:
            guard let head else { return fail(.noHTTP("an end without a head"), context) }
            let answer = HTTPAnswer(
                status: Int(head.status.code), headers: head.headers, body: body, keepsConnection: head.isKeepAlive)
            reset()
            if !answer.keepsConnection { context.close(promise: nil) }
            call.promise.succeed(answer)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isBroken = error is IOError || error is ChannelError
        fail(isBroken ? broken : .noHTTP("\(error)"), context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(broken, context)
        context.fireChannelInactive()
    }

    private var broken: HTTPFault { head == nil ? .closedBeforeAnswer : .closedWithinAnswer }

    private func fail(_ fault: HTTPFault, _ context: ChannelHandlerContext) {
        let call = call
        reset()
        context.close(promise: nil)
        call?.promise.fail(fault)
    }

    private func reset() {
        timeout?.cancel()
        (call, timeout, head, body) = (nil, nil, nil, ByteBuffer())
    }
}
