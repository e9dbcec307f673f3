// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// Reads records and markers from a stream that may hold bytes of earlier connections, without I/O of its own.
package struct EpochDecoder: ~Copyable {
    package typealias Source = (UnsafeMutableRawBufferPointer) throws(WireError) -> Int

    /// The result of a read.
    package enum Outcome: Sendable, Hashable {
        case bytes(Int)
        /// The peer closed the stream between two records.
        case ended
        /// Another epoch begins.
        case opening(epoch: [UInt8])
    }

    /// More bytes than the devices between the two ends can hold. A marker behind more bytes is not searched for.
    package static let maximumSkippedBytes = 4 << 20

    /// Room for a whole record and as many bytes after it.
    private var buffer = [UInt8](repeating: 0, count: 2 * EpochRecord.maximumByteCount)
    private var start = 0
    private var end = 0
    /// The number of unread payload bytes of the present record, which is buffered and complete.
    private var remaining = 0

    package init() {}

    /// Whether there are unread buffered bytes.
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
            switch try takeHeader(epoch, source) {
            case .record(let payloadBytes): remaining = payloadBytes
            case .ended: return .ended
            case .other:
                guard resynchronises else {
                    throw WireError(.malformed, "no record of this epoch begins here: the other end began anew")
                }
                guard let marker = try nextMarker(source) else { return .ended }
                // The opening is repeated until the answer arrives.
                if marker.kind == .opening, marker.epoch != epoch { return .opening(epoch: marker.epoch) }
            }
        }
        let count = min(free.count, remaining)
        buffer.withUnsafeBytes { free.copyMemory(from: .init(rebasing: $0[start..<start + count])) }
        start += count
        remaining -= count
        if remaining == 0 { start += EpochRecord.end.count }
        return .bytes(count)
    }

    private enum Header {
        case record(payloadBytes: Int)
        /// No record of the epoch begins here, or its sender stopped within it and other bytes followed.
        case other
        case ended
    }

    /// Takes the header of a record once the whole record is buffered.
    private mutating func takeHeader(_ epoch: [UInt8], _ source: Source) throws(WireError) -> Header {
        guard try fill(to: EpochRecord.headerByteCount, source) else {
            guard end == start else { throw Self.brokenOff }
            return .ended
        }
        guard let payloadBytes = payloadBytesOfRecord(in: epoch) else { return .other }
        let last = EpochRecord.headerByteCount + payloadBytes
        guard try fill(to: last + EpochRecord.end.count, source) else { throw Self.brokenOff }
        guard buffer[start + last..<start + last + EpochRecord.end.count].elementsEqual(EpochRecord.end) else {
            return .other
        }
        start += EpochRecord.headerByteCount
        return .record(payloadBytes: payloadBytes)
    }

    /// Reads until this many bytes are buffered.
    ///
    /// - Returns: `false` when the stream ended before.
    private mutating func fill(to count: Int, _ source: Source) throws(WireError) -> Bool {
        while end - start < count { guard try fill(source) else { return false } }
        return true
    }

    /// `nil` where no record of the epoch begins.
    private func payloadBytesOfRecord(in epoch: [UInt8]) -> Int? {
        let header = buffer.span.bytes.extracting(start..<start + EpochRecord.headerByteCount)
        return EpochRecord.payloadBytes(inHeader: header, epoch: epoch)
    }

    private static let brokenOff = WireError(.closed, "the peer closed in the middle of a record")

    /// Discards bytes that cannot begin a marker, and consumes a complete marker.
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
