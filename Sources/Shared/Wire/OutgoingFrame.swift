package import Tensors

/// A frame ready to be written: small fields in one run of bytes, tensors lent from where they are.
package struct OutgoingFrame: Sendable {
    package enum Segment: Sendable {
        case bytes([UInt8])
        case tensor(Tensor)

        package func withBytes<Result, Failure: Error>(
            _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            switch self {
            case .bytes(let bytes):
                // `withUnsafeBytes` of an array is not generic over the thrown type everywhere.
                let result = bytes.withUnsafeBytes { buffer -> Swift.Result<Result, Failure> in
                    do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
                }
                return try result.get()
            case .tensor(let tensor): return try tensor.withBytes(body)
            }
        }
    }

    /// Header first; empty tensors are left out.
    package let segments: [Segment]

    package init(_ message: some WireMessage, requestID: UInt64) {
        var builder = PayloadBuilder()
        message.encode(into: &builder)
        var header = ByteWriter()
        FrameHeader(kind: message.kind, requestID: requestID, payloadBytes: builder.byteCount).encode(into: &header)
        segments = [.bytes(header.bytes)] + builder.segments
    }

    /// All bytes in one run.
    package var bytes: [UInt8] { segments.flatMap { segment in segment.withBytes { Array($0) } } }
}

/// Collects the segments of a payload.
package struct PayloadBuilder {
    private var finished: [OutgoingFrame.Segment] = []
    private var writer = ByteWriter()
    private(set) var byteCount = 0

    var segments: [OutgoingFrame.Segment] { writer.bytes.isEmpty ? finished : finished + [.bytes(writer.bytes)] }

    mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        writer.write(value)
        byteCount += MemoryLayout<Value>.size
    }

    mutating func write(bytes: [UInt8]) {
        writer.write(bytes: bytes)
        byteCount += bytes.count
    }

    /// Bytes behind a 32-bit length.
    mutating func write(counted bytes: [UInt8]) {
        write(UInt32(bytes.count))
        write(bytes: bytes)
    }

    mutating func write(_ string: String) { write(counted: Array(string.utf8)) }

    mutating func write(_ tensor: Tensor) {
        guard tensor.byteCount > 0 else { return }
        finished = segments
        finished.append(.tensor(tensor))
        writer = ByteWriter()
        byteCount += tensor.byteCount
    }
}
