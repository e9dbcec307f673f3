// SPDX-License-Identifier: Apache-2.0
import Tensors
import Wire

/// One message of every kind, with fields that are neither empty nor zero.
enum Samples {
    static let manifest = Array("{\"version\":1}".utf8)
    static let signature = [UInt8](repeating: 7, count: 64)

    static func tensors() throws -> [Tensor] {
        [
            try Tensor([1.5, -2, .infinity, .nan, 0, 6], shape: [1, 2, 3]), try Tensor([UInt8(3), 4, 5], shape: [3]),
            try Tensor([Float](), shape: [0, 4]), try Tensor([Int64(-1)], shape: []),
        ]
    }

    static func hostMessages() throws -> [HostMessage] {
        [
            .hello(versions: 2...3), .loadManifest(core: manifest, signature: signature),
            .loadPart(.frontNet, totalBytes: 1 << 33, offset: 5, bytes: [1, 2, 3]),
            .loadPart(.mappingUnit, totalBytes: 3, offset: 0, bytes: []), .evidence(nonce: Array(0..<32)),
            .provision(ciphertext: [4, 5]), .infer(message: Array(0...255)), .backNetResult(try tensors()),
            .backNetResult([]), .backNetFailure, .cancel, .status, .shutdown, .keySlot(KeySlot(of: 0xA0)),
        ]
    }

    static let evidence = EnclaveEvidence(
        evidence: [1, 2, 3], collateral: ["b": [4], "a": [], "é": [5, 6]], keyConfiguration: [7, 8],
        facts: [9, 10], epoch: Array(0..<16))

    static let status = EnclaveStatus(
        state: .provisioned, keyGeneration: 2, inFlight: 3, credits: 8, opened: 4, answered: 5, refused: 6,
        rejectedResults: 7)

    static func enclaveMessages() throws -> [EnclaveMessage] {
        [
            .hello(version: 3, teeKind: "development", credits: 4), .accepted, .evidence(evidence), .provisioned(),
            .provisioned(statistics: [UInt8](repeating: 7, count: EnclaveMessage.statisticsByteCount)),
            .intermediate(try tensors()), .answer([9, 9, 9]), .refused(.replayed),
            .refused(EnclaveErrorCode(rawValue: 999)), .status(status),
        ]
    }
}

/// What a decoder makes of bytes: a frame's bytes again, "malformed", or nothing.
enum Outcome: Equatable {
    case frame(UInt64, [UInt8])
    case malformed(UInt64)

    init<Message: WireMessage>(_ received: ReceivedFrame<Message>) {
        switch received {
        case .frame(let frame):
            // Encoding is canonical, so equal bytes mean equal messages (NaN included).
            self = .frame(frame.requestID, OutgoingFrame(frame.message, requestID: frame.requestID).bytes)
        case .malformed(let requestID, _): self = .malformed(requestID)
        }
    }
}

func decoded<Message: WireMessage>(
    _ bytes: [UInt8], as _: Message.Type, limits: FrameLimits = FrameLimits()
) throws(WireError) -> [Outcome] {
    var decoder = FrameDecoder<Message>(limits: limits)
    return try decoder.receive(bytes: bytes).map(Outcome.init)
}
