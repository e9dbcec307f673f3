// SPDX-License-Identifier: Apache-2.0
import Tensors
import Wire

enum FrameTargets {
    /// What a host sends to the enclave.
    static func hostFrames(_ bytes: UnsafeRawBufferPointer) throws { try frames(bytes, of: HostMessage.self) }

    /// What an enclave sends to the host.
    static func enclaveFrames(_ bytes: UnsafeRawBufferPointer) throws { try frames(bytes, of: EnclaveMessage.self) }

    private static func frames<Message: WireMessage>(_ bytes: UnsafeRawBufferPointer, of _: Message.Type) throws {
        // Small, so that a claimed length is met by few bytes.
        let limits = FrameLimits(messageBytes: 1 << 16, tensorBytes: 1 << 16)
        let whole = Self.decode(bytes, chunk: max(1, bytes.count), limits, Message.self)
        let pieces = Self.decode(bytes, chunk: 7, limits, Message.self)
        promise(whole.frames == pieces.frames, "a stream means the same however it is cut")
        promise((whole.error == nil) == (pieces.error == nil), "a stream fails the same however it is cut")
        if let error = whole.error { throw error }
        if let refused = whole.frames.lazy.compactMap(\.refusal).first { throw refused }
    }

    /// A frame as its bytes, or why its payload was refused.
    private struct Received: Equatable {
        var requestID: UInt64
        var bytes: [UInt8] = []
        var refusal: WireError?

        static func == (left: Self, right: Self) -> Bool {
            left.requestID == right.requestID && left.bytes == right.bytes
                && left.refusal?.message == right.refusal?.message
        }
    }

    private static func decode<Message: WireMessage>(
        _ bytes: UnsafeRawBufferPointer, chunk: Int, _ limits: FrameLimits, _: Message.Type
    ) -> (frames: [Received], error: WireError?) {
        var decoder = FrameDecoder<Message>(limits: limits)
        var frames: [Received] = []
        var rest = bytes[...]
        do throws(WireError) {
            while !rest.isEmpty {
                let received = try decoder.receive { (free) throws(WireError) in
                    let piece = rest.prefix(min(chunk, free.count))
                    free.copyBytes(from: piece)
                    rest = rest.dropFirst(piece.count)
                    return piece.count
                }
                if let received { frames.append(Self.checked(received)) }
            }
            return (frames, nil)
        } catch { return (frames, error) }
    }

    private static func checked<Message: WireMessage>(_ received: ReceivedFrame<Message>) -> Received {
        switch received {
        case .malformed(let requestID, let error): return Received(requestID: requestID, refusal: error)
        case .frame(let frame):
            let bytes = OutgoingFrame(frame.message, requestID: frame.requestID).bytes
            var decoder = FrameDecoder<Message>()
            guard case .frame(let again)? = try? decoder.receive(bytes: bytes).first else {
                fatalError("broken promise: a frame that was read can be sent and read again")
            }
            promise(
                OutgoingFrame(again.message, requestID: again.requestID).bytes == bytes,
                "a frame says the same when it is sent on")
            return Received(requestID: frame.requestID, bytes: bytes)
        }
    }
}
