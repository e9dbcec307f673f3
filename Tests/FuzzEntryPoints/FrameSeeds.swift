// SPDX-License-Identifier: Apache-2.0
import Tensors
import Wire

extension FuzzSeed {
    static func frameSeeds() throws -> [FuzzSeed] {
        let tensors = try [
            Tensor([1.5, -2, .infinity, .nan, 0, 6], shape: [1, 2, 3]), Tensor([UInt8(3), 4, 5], shape: [3]),
            Tensor([Float](), shape: [0, 4]), Tensor([Int64(-1)], shape: []),
        ]
        let toEnclave: [HostMessage] = [
            .hello(versions: 2...3),
            .loadManifest(core: Array("{}".utf8), signature: [UInt8](repeating: 7, count: 64)),
            .loadPart(.frontNet, totalBytes: 1 << 33, offset: 5, bytes: [1, 2, 3]),
            .loadPart(.mappingUnit, totalBytes: 3, offset: 0, bytes: []), .evidence(nonce: Array(0..<32)),
            .provision(ciphertext: [4, 5]), .infer(message: Array(0...255)), .backNetResult(tensors),
            .backNetFailure, .cancel, .status, .shutdown, .keySlot(KeySlot(of: 0xA0)),
        ]
        let toHost: [EnclaveMessage] = [
            .hello(version: 3, teeKind: "development", credits: 4), .accepted,
            .evidence(
                EnclaveEvidence(
                    evidence: [1, 2, 3], collateral: ["b": [4], "é": [5, 6]], keyConfiguration: [7, 8],
                    facts: [9], epoch: Array(0..<16))), .provisioned(),
            .provisioned(statistics: [UInt8](repeating: 7, count: EnclaveMessage.statisticsByteCount)),
            .intermediate(tensors), .answer([9, 9, 9]),
            .refused(.replayed),
            .status(
                EnclaveStatus(
                    state: .provisioned, keyGeneration: 2, inFlight: 3, credits: 8, opened: 4, answered: 5, refused: 6,
                    rejectedResults: 7)),
        ]
        let down = toEnclave.enumerated().map { OutgoingFrame($0.element, requestID: UInt64($0.offset)).bytes }
        let up = toHost.enumerated().map { OutgoingFrame($0.element, requestID: UInt64($0.offset)).bytes }
        return (down + [down.flatMap { $0 }]).enumerated().map { FuzzSeed(.hostFrames, "\($0.offset)", $0.element) }
            + (up + [up.flatMap { $0 }]).enumerated().map { FuzzSeed(.enclaveFrames, "\($0.offset)", $0.element) }
    }
}
