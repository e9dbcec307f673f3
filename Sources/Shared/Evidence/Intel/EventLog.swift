// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The log of what firmware and boot loader measured into a trust domain's registers (the table CCEL), in the
/// crypto-agile format. The log is not signed: it is evidence only as far as its replay matches the quoted registers.
///
/// - Source: TCG PC Client Platform Firmware Profile, section 10; UEFI 2.10, section 38.4 (confidential computing).
package struct EventLog: Sendable, Hashable {
    package struct Event: Sendable, Hashable {
        /// RTMR number, 0 to 3; `nil` for MRTD, which no event extends.
        package let register: Int?
        package let kind: UInt32
        /// SHA-384; `nil` for an event that extends no register.
        package let digest: [UInt8]?
        package let data: [UInt8]

        package init(register: Int?, kind: UInt32, digest: [UInt8]?, data: [UInt8]) {
            self.register = register
            self.kind = kind
            self.digest = digest
            self.data = data
        }
    }

    package static let maximumBytes = 4 << 20
    private static let maximumEvents = 20_000
    private static let maximumDigests: UInt32 = 8
    private static let sha384: UInt16 = 0x000C
    private static let noAction: UInt32 = 3
    private static let signature = Array("Spec ID Event03\0".utf8)

    /// In the order in which they were measured.
    package let events: [Event]

    /// - Throws: ``EvidenceError`` (malformed, unsupported). Padding of zeros or ones may follow the last event.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= Self.maximumBytes else {
            throw EvidenceError(
                .malformed, "the event log has \(bytes.count) bytes; expected at most \(Self.maximumBytes)")
        }
        do throws(TensorError) {
            var reader = ByteReader(bytes.span.bytes)
            let sizes = try Self.header(&reader)
            // The offset after which there is only padding; each byte is examined once.
            let end = (bytes.lastIndex { $0 != 0xFF }).map { last in
                bytes[last] == 0 ? (bytes[...last].lastIndex { $0 != 0 } ?? -1) + 1 : last + 1
            }
            var events: [Event] = []
            while reader.offset < end ?? 0 {
                guard events.count < Self.maximumEvents else {
                    throw TensorError(.malformed, "the event log has more than \(Self.maximumEvents) events")
                }
                events.append(try Self.event(&reader, sizes))
            }
            self.events = events
        } catch {
            throw EvidenceError(error.code == .mismatch ? .unsupported : .malformed, error.message)
        }
    }

    /// The first event, which has the older format and declares the length of digests by algorithm.
    @_lifetime(reader: copy reader)
    private static func header(_ reader: inout ByteReader) throws(TensorError) -> [UInt16: Int] {
        _ = try reader.read(UInt32.self, "the log's first register")
        guard try reader.read(UInt32.self, "the log's first event") == noAction else {
            throw TensorError(.mismatch, "the event log does not start with an event that describes it")
        }
        _ = try reader.readBytes(20, "the log's first digest")
        let size = Int(try reader.read(UInt32.self, "the size of the log's description"))
        let description = try reader.readBytes(size, "the log's description")
        var inner = ByteReader(description.span.bytes)
        guard try inner.readBytes(16, "the log's signature") == signature else {
            throw TensorError(.mismatch, "the event log is not in the crypto-agile format")
        }
        _ = try inner.readBytes(8, "the log's version")
        let count = try inner.read(UInt32.self, "the log's algorithms")
        guard count <= maximumDigests else {
            throw TensorError(.malformed, "the event log has \(count) algorithms; expected at most \(maximumDigests)")
        }
        var sizes: [UInt16: Int] = [:]
        for _ in 0..<count {
            let algorithm = try inner.read(UInt16.self, "an algorithm of the log")
            sizes[algorithm] = Int(try inner.read(UInt16.self, "the size of a digest"))
        }
        guard sizes[sha384] == 48 else {
            throw TensorError(.mismatch, "the event log has no SHA-384, which TDX measures with")
        }
        return sizes
    }

    @_lifetime(reader: copy reader)
    private static func event(_ reader: inout ByteReader, _ sizes: [UInt16: Int]) throws(TensorError) -> Event {
        let index = try reader.read(UInt32.self, "an event's register")
        guard index <= 4 else {
            throw TensorError(.malformed, "an event is of register \(index); expected 0 to 4")
        }
        let kind = try reader.read(UInt32.self, "an event's kind")
        let count = try reader.read(UInt32.self, "the number of an event's digests")
        guard count <= maximumDigests else {
            throw TensorError(.malformed, "an event has \(count) digests; expected at most \(maximumDigests)")
        }
        var digest: [UInt8]?
        for _ in 0..<count {
            let algorithm = try reader.read(UInt16.self, "a digest's algorithm")
            guard let size = sizes[algorithm] else {
                throw TensorError(.malformed, "an event has a digest of an algorithm that the log does not describe")
            }
            let value = try reader.readBytes(size, "a digest")
            if algorithm == sha384 {
                guard digest == nil else { throw TensorError(.malformed, "an event has two digests of SHA-384") }
                digest = value
            }
        }
        let size = Int(try reader.read(UInt32.self, "the size of an event"))
        let data = try reader.readBytes(size, "an event")
        guard kind == noAction || digest != nil else {
            throw TensorError(.malformed, "an event has no digest of SHA-384")
        }
        return Event(
            register: index == 0 ? nil : Int(index) - 1, kind: kind, digest: kind == noAction ? nil : digest,
            data: data)
    }
}
