// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing
import Wire

@Suite("Frames")
struct FrameTests {
    private func checkRoundTrip<Message: WireMessage>(_ messages: [Message]) throws {
        let encoded = messages.enumerated().map { OutgoingFrame($1, requestID: UInt64($0) << 40).bytes }
        let stream = encoded.flatMap { $0 }
        let expected = encoded.enumerated().map { Outcome.frame(UInt64($0) << 40, $1) }
        #expect(try decoded(stream, as: Message.self) == expected)

        // The same stream in pieces of every small size.
        for size in [1, 2, 7, 23, 24, 25, 64] {
            var decoder = FrameDecoder<Message>()
            var outcomes: [Outcome] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                outcomes += try decoder.receive(bytes: Array(stream[start..<min(start + size, stream.count)]))
                    .map(Outcome.init)
            }
            #expect(outcomes == expected)
            let isBetweenFrames = decoder.isBetweenFrames
            #expect(isBetweenFrames)
        }
    }

    @Test("Every message survives encoding, however the stream is split")
    func roundTrip() throws {
        try checkRoundTrip(try Samples.hostMessages())
        try checkRoundTrip(try Samples.enclaveMessages())
    }

    @Test("Host messages have types 1 to 12, enclave messages 129 to 136, and each type has a size limit")
    func kindsAreDistinct() throws {
        let kinds = Set(try Samples.hostMessages().map(\.kind)).sorted()
        #expect(kinds == Array(1...12))
        #expect(Set(try Samples.enclaveMessages().map(\.kind)).sorted() == Array(129...136))
        for kind in UInt8.min...UInt8.max {
            let limits = FrameLimits()
            #expect((HostMessage.maximumPayloadBytes(kind: kind, limits: limits) != nil) == kinds.contains(kind))
            #expect(
                (EnclaveMessage.maximumPayloadBytes(kind: kind, limits: limits) != nil) == (129...136).contains(kind))
        }
    }

    @Test("A received tensor uses the payload's aligned memory, with the values that were sent")
    func tensorsAreNotCopied() throws {
        let counter = AllocationCounter()
        var decoder = FrameDecoder<HostMessage>(allocator: counter.allocator)
        let sent = try Samples.tensors()
        let frames = try decoder.receive(bytes: OutgoingFrame(HostMessage.backNetResult(sent), requestID: 1).bytes)
        guard case .frame(let frame)? = frames.first, case .backNetResult(let tensors) = frame.message else {
            Issue.record("no tensors arrived")
            return
        }
        #expect(counter.count == 1)
        #expect(tensors.map(\.type) == sent.map(\.type))
        for (found, expected) in zip(tensors, sent) {
            found.withBytes { found in
                expected.withBytes { #expect(found.elementsEqual($0)) }
                #expect(found.count == 0 || Int(bitPattern: found.baseAddress) % TensorStorage.alignment == 0)
            }
        }
    }

    @Test("Error codes have distinct numbers and names")
    func errorCodes() {
        let known = EnclaveErrorCode.known
        #expect(known.count == 23)
        #expect(Set(known.map(\.name)).count == known.count)
        #expect(known.allSatisfy { !$0.name.hasPrefix("code") })
        #expect(EnclaveErrorCode(rawValue: 999).name == "code999")
    }
}
