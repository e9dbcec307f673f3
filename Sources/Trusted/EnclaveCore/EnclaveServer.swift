package import FrameSocket
package import Wire

/// Drives an ``Enclave`` over a socket. One thread reads, computes and writes: inference never runs on the cooperative
/// pool, the engine sees one calling thread, and the socket's buffer is the only queue.
package enum EnclaveServer {
    /// Serves until the host closes the socket or asks to shut down.
    ///
    /// - Throws: ``WireError`` when the stream cannot be read or written any further.
    package static func run(_ enclave: consuming Enclave, on socket: EnclaveSocket) throws(WireError) {
        while !enclave.isShutDown, let received = try socket.read(limits: enclave.frameLimits) {
            let replies: [Frame<EnclaveMessage>]
            switch received {
            case .frame(let frame): replies = enclave.handle(frame.message, requestID: frame.requestID)
            case .malformed(let requestID, _): replies = enclave.refuseMalformed(requestID: requestID)
            }
            for reply in replies { try socket.write(reply.message, requestID: reply.requestID) }
        }
    }
}
