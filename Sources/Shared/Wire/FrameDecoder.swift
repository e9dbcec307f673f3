// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// A message of one direction.
package protocol WireMessage: Sendable {
    /// The number of this message in a frame's header.
    var kind: UInt8 { get }
    /// The largest payload of a kind; `nil` when the direction has no such kind.
    static func maximumPayloadBytes(kind: UInt8, limits: FrameLimits) -> Int?
    /// Reads the whole payload. Tensors keep `payload` alive instead of being copied.
    init(kind: UInt8, reader: inout ByteReader, payload: TensorStorage) throws(TensorError)
    func encode(into builder: inout PayloadBuilder)
}

/// A message with the identifier that links a reply to its request.
package struct Frame<Message: WireMessage>: Sendable {
    package let requestID: UInt64
    package let message: Message

    package init(requestID: UInt64, message: Message) {
        self.requestID = requestID
        self.message = message
    }
}

/// The outcome for the bytes of one frame.
package enum ReceivedFrame<Message: WireMessage>: Sendable {
    case frame(Frame<Message>)
    /// The frame ended where its header said, but its payload is malformed, of an unknown kind, or over its limit and
    /// was skipped. The stream can be read further.
    case malformed(requestID: UInt64, WireError)
}

/// Turns a stream of bytes into frames, without I/O. It lends the memory for the next bytes, so that tensors are
/// received into their final place.
package struct FrameDecoder<Message: WireMessage>: ~Copyable {
    /// Applied to headers that arrive from now on.
    package var limits: FrameLimits
    private let allocator: StorageAllocator
    private var header = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    private var filled = 0
    private var body = Body.none

    /// The content that follows a header.
    private enum Body {
        case none
        case payload(FrameHeader, TensorStorage)
        case excess(FrameHeader, remaining: Int, scratch: TensorStorage, WireError)
    }

    private static var scratchBytes: Int { 1 << 14 }

    /// - Parameter allocator: Allocates the memory of payloads.
    package init(limits: FrameLimits = FrameLimits(), allocator: StorageAllocator = .standard) {
        self.limits = limits
        self.allocator = allocator
    }

    /// Whether the next byte begins a frame, so that the stream may end here.
    package var isBetweenFrames: Bool {
        if case .none = body { filled == 0 } else { false }
    }

    /// Lends the memory for the next bytes to `read`, which returns how many it has written.
    ///
    /// - Returns: The frame that these bytes complete, if any.
    /// - Throws: ``WireError`` of `read`, or of a header after which the stream cannot be read any further.
    package mutating func receive(
        _ read: (UnsafeMutableRawBufferPointer) throws(WireError) -> Int
    ) throws(WireError) -> ReceivedFrame<Message>? {
        switch body {
        case .none: return try receiveHeader(read)
        case .payload(let header, let storage):
            let free = UnsafeMutableRawBufferPointer(rebasing: storage.mutableBytes[filled..<header.payloadBytes])
            filled += try Self.checked(try read(free), free.count)
            return filled == header.payloadBytes ? finish(header, storage) : nil
        case .excess(let header, let remaining, let scratch, let error):
            let free = UnsafeMutableRawBufferPointer(rebasing: scratch.mutableBytes.prefix(remaining))
            let left = remaining - (try Self.checked(try read(free), free.count))
            body = left == 0 ? .none : .excess(header, remaining: left, scratch: scratch, error)
            return left == 0 ? .malformed(requestID: header.requestID, error) : nil
        }
    }

    private mutating func receiveHeader(
        _ read: (UnsafeMutableRawBufferPointer) throws(WireError) -> Int
    ) throws(WireError) -> ReceivedFrame<Message>? {
        var free = [UInt8](repeating: 0, count: FrameHeader.byteCount - filled)
        let count = try Self.reading(into: &free, read)
        for index in 0..<count { header[filled + index] = free[index] }
        filled += count
        guard filled == FrameHeader.byteCount else { return nil }
        let parsed = try FrameHeader(decoding: header.span.bytes)
        filled = 0
        let limit = Message.maximumPayloadBytes(kind: parsed.kind, limits: limits) ?? 0
        if parsed.payloadBytes > limit {
            let error = WireError(
                .tooLarge, "a frame of kind \(parsed.kind) claims \(parsed.payloadBytes) bytes, the limit is \(limit)")
            let scratch = StorageAllocator.standard.allocate(byteCount: Self.scratchBytes)
            body = .excess(parsed, remaining: parsed.payloadBytes, scratch: scratch, error)
            return nil
        }
        let storage = allocator.allocate(byteCount: parsed.payloadBytes)
        guard parsed.payloadBytes > 0 else { return finish(parsed, storage) }
        body = .payload(parsed, storage)
        return nil
    }

    /// Decodes bytes that are already in memory.
    package mutating func receive(bytes: [UInt8]) throws(WireError) -> [ReceivedFrame<Message>] {
        var frames: [ReceivedFrame<Message>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let frame = try receive { (free) throws(WireError) in
                let count = min(free.count, rest.count)
                free.copyBytes(from: rest.prefix(count))
                rest = rest.dropFirst(count)
                return count
            }
            if let frame { frames.append(frame) }
        }
        return frames
    }

    private mutating func finish(_ header: FrameHeader, _ storage: TensorStorage) -> ReceivedFrame<Message> {
        body = .none
        filled = 0
        do throws(TensorError) {
            let bytes = UnsafeRawBufferPointer(rebasing: storage.bytes[..<header.payloadBytes])
            var reader = ByteReader(bytes.bytes)
            let message = try Message(kind: header.kind, reader: &reader, payload: storage)
            try reader.finish()
            return .frame(Frame(requestID: header.requestID, message: message))
        } catch {
            return .malformed(requestID: header.requestID, WireError(.malformed, error.message))
        }
    }

    private static func reading(
        into bytes: inout [UInt8], _ read: (UnsafeMutableRawBufferPointer) throws(WireError) -> Int
    ) throws(WireError) -> Int {
        let result = bytes.withUnsafeMutableBytes { buffer -> Result<Int, WireError> in
            do throws(WireError) { return .success(try checked(try read(buffer), buffer.count)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func checked(_ count: Int, _ limit: Int) throws(WireError) -> Int {
        guard (0...limit).contains(count) else { throw WireError(.system, "\(count) bytes were read, \(limit) fit") }
        return count
    }
}
