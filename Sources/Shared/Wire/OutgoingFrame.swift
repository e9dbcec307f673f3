// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// A frame ready to be written: small fields in one block of bytes, tensors in their own memory without a copy.
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

    /// The first segment begins with the header. Empty tensors are left out, small ones are copied, as are short bytes.
    package let segments: [Segment]

    package init(_ message: some WireMessage, requestID: UInt64) {
        var builder = PayloadBuilder()
        message.encode(into: &builder)
        var header = ByteWriter()
        FrameHeader(kind: message.kind, requestID: requestID, payloadBytes: builder.byteCount).encode(into: &header)
        segments = builder.segments(behind: header.bytes)
    }

    /// Lends the bytes behind the first `offset`, in as many places as they are in.
    package func withBytes<Result, Failure: Error>(
        from offset: Int = 0, _ body: ([UnsafeRawBufferPointer]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Self.lend(segments[...], from: offset, behind: [], body)
    }

    private static func lend<Result, Failure: Error>(
        _ segments: ArraySlice<Segment>, from offset: Int, behind places: [UnsafeRawBufferPointer],
        _ body: ([UnsafeRawBufferPointer]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let first = segments.first else { return try body(places) }
        return try first.withBytes { (bytes) throws(Failure) in
            let skipped = min(offset, bytes.count)
            let place = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
            return try lend(
                segments.dropFirst(), from: offset - skipped, behind: place.isEmpty ? places : places + [place], body)
        }
    }

    package var byteCount: Int { segments.reduce(0) { $0 + $1.withBytes { $0.count } } }

    /// All bytes in one array.
    package var bytes: [UInt8] { segments.flatMap { segment in segment.withBytes { Array($0) } } }
}

/// Collects the segments of a payload.
package struct PayloadBuilder {
    /// Copying up to this many bytes costs less than a separate segment.
    private static let largestCopy = 16_384

    private var finished: [OutgoingFrame.Segment] = []
    /// The first one reserves room for the header.
    private var writer: ByteWriter
    private(set) var byteCount = 0

    init() {
        writer = ByteWriter()
        writer.write(bytes: repeatElement(0, count: FrameHeader.byteCount))
    }

    /// The segments, which may be taken once.
    ///
    /// - Parameter header: Of ``FrameHeader/byteCount`` bytes.
    mutating func segments(behind header: [UInt8]) -> [OutgoingFrame.Segment] {
        endRun()
        guard case .bytes(var first) = finished[0] else { preconditionFailure("a frame without a header") }
        // Without a second reference the bytes are changed in place.
        finished[0] = .bytes([])
        first.replaceSubrange(0..<header.count, with: header)
        finished[0] = .bytes(first)
        return finished
    }

    private mutating func endRun() {
        guard !writer.bytes.isEmpty else { return }
        finished.append(.bytes(writer.bytes))
        writer = ByteWriter()
    }

    mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        writer.write(value)
        byteCount += MemoryLayout<Value>.size
    }

    mutating func write(bytes: [UInt8]) {
        byteCount += bytes.count
        guard bytes.count > Self.largestCopy else { return writer.write(bytes: bytes) }
        endRun()
        finished.append(.bytes(bytes))
    }

    /// Bytes with a 32-bit length prefix.
    mutating func write(counted bytes: [UInt8]) {
        write(UInt32(bytes.count))
        write(bytes: bytes)
    }

    mutating func write(_ string: String) { write(counted: Array(string.utf8)) }

    mutating func write(_ tensor: Tensor) {
        byteCount += tensor.byteCount
        guard tensor.byteCount > Self.largestCopy else { return tensor.withBytes { writer.write(bytes: $0) } }
        endRun()
        finished.append(.tensor(tensor))
    }
}
