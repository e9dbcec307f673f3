// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTP1

/// Normalises the `connection` header to the one form that is checked later: `close`, or none. For HTTP/1.0 it is
/// `close`, because closing is the only end of an answer that every such client understands.
final class ProtocolWatch: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let isOld = (head.version.major, head.version.minor) < (1, 1)
        let wantsEnd = head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
        if isOld { head.headers.remove(name: "expect") }
        head.headers.remove(name: "connection")
        if isOld || wantsEnd { head.headers.add(name: "connection", value: "close") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
