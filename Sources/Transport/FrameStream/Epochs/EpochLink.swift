// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Wire

/// The stream below the epochs of one physical connection, with its read-ahead buffer and the record being written.
final class EpochLink: Sendable {
    private struct Output: Sendable {
        /// Only this epoch may write.
        var epoch: [UInt8]?
        /// Header, not yet filled in, and payload.
        var record: [UInt8] = []
    }

    let stream: any ByteStream
    private let input = Mutex(EpochDecoder())
    private let output = Mutex(Output())
    /// An opening that ended the epoch before it.
    private let next = Mutex<[UInt8]?>(nil)

    init(_ stream: any ByteStream) { self.stream = stream }

    var hasBufferedBytes: Bool { input.withLock { $0.hasBufferedBytes } }

    /// The opening that ended an earlier epoch, once.
    func takeNextEpoch() -> [UInt8]? {
        next.withLock { next in
            defer { next = nil }
            return next
        }
    }

    /// Whether another epoch has replaced this one.
    func isSuperseded(_ epoch: [UInt8]) -> Bool { output.withLock { $0.epoch != epoch } }

    func nextMarker(_ source: EpochDecoder.Source) throws(WireError) -> EpochMarker? {
        try input.withLock { (decoder) throws(WireError) in try decoder.nextMarker(source) }
    }

    /// - Returns: 0 when the stream has ended, or another epoch has begun.
    func read(
        into free: UnsafeMutableRawBufferPointer, epoch: [UInt8], resynchronises: Bool
    ) throws(WireError) -> Int {
        let outcome = try input.withLock { (decoder) throws(WireError) in
            try decoder.read(into: free, epoch: epoch, resynchronises: resynchronises) { (free) throws(WireError) in
                try stream.read(into: free)
            }
        }
        switch outcome {
        case .bytes(let count): return count
        case .ended: return 0
        case .opening(let other):
            output.withLock { $0.epoch = nil }
            next.withLock { $0 = other }
            return 0
        }
    }

    /// Writes a marker; what is written after it belongs to its epoch.
    func begin(_ marker: EpochMarker) throws(WireError) {
        try output.withLock { (output) throws(WireError) in
            output.epoch = marker.epoch
            output.record = Self.emptyRecord
            try write(marker.bytes)
        }
    }

    /// Bytes that end any unfinished record of an earlier connection.
    func flush() throws(WireError) { try write([UInt8](repeating: 0, count: EpochRecord.maximumByteCount)) }

    func write(_ bytes: UnsafeRawBufferPointer, more: Bool, epoch: [UInt8]) throws(WireError) {
        var taken = 0
        repeat {
            // The lock is free between records, so that another epoch need not wait for the rest of a long message.
            taken += try output.withLock { (output) throws(WireError) in
                guard output.epoch == epoch else { throw WireError(.closed, "the enclave began another epoch") }
                let room = EpochRecord.headerByteCount + EpochRecord.maximumPayload - output.record.count
                let piece = bytes[taken...].prefix(room)
                output.record.append(contentsOf: piece)
                let isWhole = taken + piece.count == bytes.count
                if !(isWhole && more) || piece.count == room {
                    try writeRecord(&output)
                }
                return piece.count
            }
        } while taken < bytes.count
    }

    private func writeRecord(_ output: inout Output) throws(WireError) {
        let count = output.record.count - EpochRecord.headerByteCount
        guard count > 0, let epoch = output.epoch else { return }
        output.record.replaceSubrange(
            ..<EpochRecord.headerByteCount, with: EpochRecord.header(payloadBytes: count, epoch: epoch))
        try write(output.record + EpochRecord.end)
        output.record = Self.emptyRecord
    }

    private func write(_ bytes: [UInt8]) throws(WireError) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, WireError> in
            do throws(WireError) { return .success(try stream.write(buffer, more: false)) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private static var emptyRecord: [UInt8] {
        var record = [UInt8](repeating: 0, count: EpochRecord.headerByteCount)
        record.reserveCapacity(EpochRecord.maximumByteCount)
        return record
    }
}
