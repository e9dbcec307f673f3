// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Tensors
import Testing
import Wire

/// Counts what a decoder allocates.
final class AllocationCounter: Sendable {
    private let sizes = Mutex<[Int]>([])
    var count: Int { sizes.withLock { $0.count } }
    var largest: Int { sizes.withLock { $0.max() ?? 0 } }

    var allocator: StorageAllocator {
        StorageAllocator { [self] byteCount in
            sizes.withLock { $0.append(byteCount) }
            return StorageAllocator.standard.allocate(byteCount: byteCount)
        }
    }
}

@Suite("Frames from a hostile peer")
struct HostileFrameTests {
    /// A frame with this payload, whatever it is.
    private func frame(kind: UInt8, _ payload: [UInt8], claiming claimed: UInt64? = nil) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: Array("INFW".utf8))
        writer.write(FrameHeader.version)
        writer.write(kind)
        writer.write(UInt8(0))
        writer.write(UInt64(77))
        writer.write(claimed ?? UInt64(payload.count))
        writer.write(bytes: payload)
        return writer.bytes
    }

    @Test("A version range that ends before it begins is malformed, and the stream continues")
    func versions() throws {
        #expect(try decoded(frame(kind: 1, [3, 0, 2, 0]), as: HostMessage.self) == [.malformed(77)])
        let bytes =
            frame(kind: 1, [3, 0, 2, 0]) + OutgoingFrame(HostMessage.hello(versions: 3...3), requestID: 1).bytes
        #expect(try decoded(bytes, as: HostMessage.self).count == 2)
    }

    @Test(
        "A header with a wrong magic number, version or flag ends the stream",
        arguments: [(0, UInt8(0x58)), (3, 0), (4, 1), (5, 1), (7, 1)])
    func wrongHeader(byte: Int, value: UInt8) throws {
        var bytes = OutgoingFrame(HostMessage.status, requestID: 1).bytes
        bytes[byte] = value
        let error = #expect(throws: WireError.self) { try decoded(bytes, as: HostMessage.self) }
        #expect(error?.code == .malformed)
    }

    @Test("A frame of an unknown kind is malformed, and the stream continues", arguments: [UInt8(0), 12, 129, 255])
    func unknownKind(kind: UInt8) throws {
        let after = OutgoingFrame(HostMessage.status, requestID: 5).bytes
        for payload in [[], [UInt8](repeating: 1, count: 40_000)] {
            let outcomes = try decoded(frame(kind: kind, payload) + after, as: HostMessage.self)
            #expect(outcomes == [.malformed(77), .frame(5, after)])
        }
    }

    @Test(
        "A length over its kind's limit allocates no memory, and the stream continues after it",
        arguments: UInt8(1)...11)
    func excessiveLength(kind: UInt8) throws {
        let limits = FrameLimits(messageBytes: 1000, tensorBytes: 2000)
        let limit = try #require(HostMessage.maximumPayloadBytes(kind: kind, limits: limits))
        #expect(limit <= 2000)
        for claimed in [UInt64(limit) + 1, 1 << 40, .max] {
            let counter = AllocationCounter()
            var decoder = FrameDecoder<HostMessage>(limits: limits, allocator: counter.allocator)
            #expect(try decoder.receive(bytes: frame(kind: kind, [], claiming: claimed)).isEmpty)
            #expect(try decoder.receive(bytes: [UInt8](repeating: 0, count: limit)).isEmpty)
            #expect(counter.count == 0)
        }
        let after = OutgoingFrame(HostMessage.status, requestID: 5).bytes
        let excessive = frame(kind: kind, [UInt8](repeating: 3, count: limit + 1))
        #expect(
            try decoded(excessive + after, as: HostMessage.self, limits: limits) == [.malformed(77), .frame(5, after)])
    }

    @Test("Every truncated or extended payload is malformed, and the stream continues")
    func truncatedAndTrailing() throws {
        func check<Message: WireMessage>(_ messages: [Message], openEnded: Set<UInt8>, next: Message) throws {
            let after = OutgoingFrame(next, requestID: 5).bytes
            for message in messages where !openEnded.contains(message.kind) {
                let payload = Array(OutgoingFrame(message, requestID: 77).bytes.dropFirst(FrameHeader.byteCount))
                // Where there is no audit `provisioned`, 132, is empty.
                for count in (message.kind == 132 ? 1 : 0)..<max(payload.count, 1) where count < payload.count {
                    let outcome = try decoded(
                        frame(kind: message.kind, Array(payload.prefix(count))) + after, as: Message.self)
                    #expect(outcome == [.malformed(77), .frame(5, after)], "\(message.kind) cut to \(count)")
                }
                let longer = frame(kind: message.kind, payload + [0])
                #expect(try decoded(longer + after, as: Message.self) == [.malformed(77), .frame(5, after)])
            }
        }
        // Provisioning messages, requests and answers consist of all bytes after the header.
        try check(try Samples.hostMessages(), openEnded: [5, 6], next: .status)
        try check(try Samples.enclaveMessages(), openEnded: [134], next: .accepted)
    }

    @Test("A flipped bit anywhere is refused or gives another canonical frame, and never traps")
    func flippedBits() throws {
        for message in try Samples.hostMessages() {
            let bytes = OutgoingFrame(message, requestID: 1).bytes
            for bit in 0..<bytes.count * 8 {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << (bit % 8)
                let outcomes = (try? decoded(flipped, as: HostMessage.self)) ?? []
                for case .frame(_, let again) in outcomes { #expect(flipped.starts(with: again)) }
            }
        }
    }

    /// u32 count, then what each case makes of the first tensor.
    static let tensorLists: [(String, [UInt8])] = [
        ("257 tensors", [1, 1, 0, 0]), ("an unknown element type", [1, 0, 0, 0, 9, 0]),
        ("rank 13", [1, 0, 0, 0, 1, 13] + [UInt8](repeating: 1, count: 200)),
        (
            "a shape of 2^64 elements",
            [1, 0, 0, 0, 1, 2] + [UInt8](repeating: 255, count: 8) + [UInt8](repeating: 0, count: 100)
        ),
        ("padding that is not zero", [1, 0, 0, 0, 2, 0] + [UInt8](repeating: 0, count: 57) + [1, 3]),
        ("fewer elements than the shape", [1, 0, 0, 0, 2, 1, 2, 0, 0, 0] + [UInt8](repeating: 0, count: 54) + [3]),
    ]

    @Test("A list of tensors is refused for each possible fault", arguments: tensorLists)
    func malformedTensors(what: String, payload: [UInt8]) throws {
        #expect(try decoded(frame(kind: 7, payload), as: HostMessage.self) == [.malformed(77)], "\(what)")
    }

    @Test("Collateral is accepted in one order only")
    func collateralOrder() throws {
        var bytes = OutgoingFrame(EnclaveMessage.evidence(Samples.evidence), requestID: 1).bytes
        let a = try #require(bytes.firstIndex(of: UInt8(ascii: "a")))
        bytes[a] = UInt8(ascii: "c")
        #expect(try decoded(bytes, as: EnclaveMessage.self) == [.malformed(1)])
        bytes[a] = UInt8(ascii: "b")
        #expect(try decoded(bytes, as: EnclaveMessage.self) == [.malformed(1)])
    }
}
