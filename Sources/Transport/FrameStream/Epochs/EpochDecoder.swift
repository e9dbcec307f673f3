import Glibc
package import Wire

/// Reads records and markers from a stream that may hold bytes of earlier connections, without I/O of its own.
package struct EpochDecoder: ~Copyable {
    package typealias Source = (UnsafeMutableRawBufferPointer) throws(WireError) -> Int

    /// What reading came to.
    package enum Outcome: Sendable, Hashable {
        case bytes(Int)
        /// The peer closed the stream between two records.
        case ended
        /// Another epoch begins.
        case opening(epoch: [UInt8])
    }

    /// More than devices between the two ends hold. What follows more of it is not looked for.
    package static let maximumSkippedBytes = 4 << 20

    private var buffer = [UInt8](repeating: 0, count: EpochRecord.maximumByteCount)
    private var start = 0
    private var end = 0
    /// Bytes of the present record that were not taken.
    private var remaining = 0

    package init() {}

    /// Whether bytes are here that were read from the source and not taken.
    package var hasBufferedBytes: Bool { end > start }

    /// Skips to the next marker.
    ///
    /// - Parameter source: Reads some bytes; 0 at the end of the stream.
    /// - Returns: `nil` when the stream ended before one.
    /// - Throws: ``WireError`` of `source`; `tooLarge` when there is none in ``maximumSkippedBytes``.
    package mutating func nextMarker(_ source: Source) throws(WireError) -> EpochMarker? {
        remaining = 0
        var skipped = 0
        while true {
            let before = start
            let marker = takeMarker()
            if let marker { return marker }
            skipped += start - before
            guard skipped <= Self.maximumSkippedBytes else {
                throw WireError(
                    .tooLarge, "\(skipped) bytes came, and no marker of an epoch: is an enclave of this version there?")
            }
            guard try fill(source) else { return nil }
        }
    }

    /// Reads bytes of the present epoch.
    ///
    /// - Parameters:
    ///   - resynchronises: Whether to look for the opening of another epoch where no record begins, as a host does.
    ///   - source: Reads some bytes; 0 at the end of the stream.
    /// - Throws: ``WireError`` of `source`; `closed` when the stream ends within a record; `malformed` where no record begins
    ///   and nothing else is looked for.
    package mutating func read(
        into free: UnsafeMutableRawBufferPointer, epoch: [UInt8], resynchronises: Bool, _ source: Source
    ) throws(WireError) -> Outcome {
        while remaining == 0 {
            while end - start < EpochRecord.headerByteCount {
                guard try fill(source) else {
                    guard end == start else { throw Self.brokenOff }
                    return .ended
                }
            }
            if let count = payloadBytesOfRecord(in: epoch) {
                start += EpochRecord.headerByteCount
                remaining = count
                continue
            }
            if let outcome = try resynchronise(epoch, resynchronises, source) { return outcome }
        }
        let count = min(free.count, remaining)
        let taken: Int
        if hasBufferedBytes {
            taken = min(count, end - start)
            buffer.withUnsafeBytes { free.copyMemory(from: .init(rebasing: $0[start..<start + taken])) }
            start += taken
        } else {
            taken = try source(UnsafeMutableRawBufferPointer(rebasing: free[..<count]))
            guard (1...count).contains(taken) else { throw Self.brokenOff }
        }
        remaining -= taken
        // Before the last bytes of a record are handed out, as a frame may end with them.
        if remaining == 0, let outcome = try takeEnd(epoch, resynchronises, source) { return outcome }
        return .bytes(taken)
    }

    /// - Returns: `nil` when the record is whole; else what comes instead of its last bytes.
    private mutating func takeEnd(
        _ epoch: [UInt8], _ resynchronises: Bool, _ source: Source
    ) throws(WireError) -> Outcome? {
        while end - start < EpochRecord.end.count {
            guard try fill(source) else { throw Self.brokenOff }
        }
        guard buffer[start..<start + EpochRecord.end.count].elementsEqual(EpochRecord.end) else {
            // The peer stopped within the record: what completed it was another's.
            return try resynchronise(epoch, resynchronises, source) ?? .ended
        }
        start += EpochRecord.end.count
        return nil
    }

    /// Where no record begins.
    ///
    /// - Returns: `nil` for the present epoch's opening, which is repeated until the answer is there.
    private mutating func resynchronise(
        _ epoch: [UInt8], _ resynchronises: Bool, _ source: Source
    ) throws(WireError) -> Outcome? {
        guard resynchronises else {
            throw WireError(.malformed, "no record of this epoch begins here: the other end began anew")
        }
        guard let marker = try nextMarker(source) else { return .ended }
        return marker.kind == .opening && marker.epoch != epoch ? .opening(epoch: marker.epoch) : nil
    }

    /// `nil` where no record of the epoch begins.
    private func payloadBytesOfRecord(in epoch: [UInt8]) -> Int? {
        let header = buffer.span.bytes.extracting(start..<start + EpochRecord.headerByteCount)
        return EpochRecord.payloadBytes(inHeader: header, epoch: epoch)
    }

    private static let brokenOff = WireError(.closed, "the peer closed in the middle of a record")

    /// Drops what cannot be the beginning of a marker, and takes one that is complete.
    private mutating func takeMarker() -> EpochMarker? {
        while let candidate = buffer[start..<end].firstIndex(of: EpochMarker.magic[0]) {
            start = candidate
            let present = buffer[start..<min(end, start + EpochMarker.magic.count)]
            guard EpochMarker.magic.starts(with: present) else {
                start += 1
                continue
            }
            guard end - start >= EpochMarker.byteCount else { return nil }
            if let marker = EpochMarker(
                decoding: buffer.span.bytes.extracting(start..<start + EpochMarker.byteCount))
            {
                start += EpochMarker.byteCount
                return marker
            }
            start += 1
        }
        start = end
        return nil
    }

    /// - Returns: `false` at the end of the stream.
    private mutating func fill(_ source: Source) throws(WireError) -> Bool {
        if start > 0 {
            buffer.replaceSubrange(0..<end - start, with: Array(buffer[start..<end]))
            (start, end) = (0, end - start)
        }
        let offset = end
        let result = buffer.withUnsafeMutableBytes { bytes -> Result<Int, WireError> in
            do throws(WireError) {
                return .success(try source(UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])))
            } catch { return .failure(error) }
        }
        let count = try result.get()
        guard (0...buffer.count - end).contains(count) else {
            throw WireError(.system, "\(count) bytes were read, \(buffer.count - end) fit")
        }
        end += count
        return count > 0
    }
}
