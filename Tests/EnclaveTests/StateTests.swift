import Crypto
import EnclaveCore
import Evidence
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("The enclave's states")
struct StateTests {
    /// What a message is answered with: the code of a refusal, or the kind of another reply.
    enum Reply: Equatable {
        case refused(EnclaveErrorCode)
        case kind(UInt8)

        init(_ message: EnclaveMessage) {
            if case .refused(let code) = message { self = .refused(code) } else { self = .kind(message.kind) }
        }

        static let hello = kind(129)
        static let accepted = kind(130)
        static let evidence = kind(131)
        static let provisioned = kind(132)
        static let intermediate = kind(133)
        static let answer = kind(134)
        static let status = kind(136)
    }

    private func host(in state: EnclaveStatus.State) throws -> TestHost {
        switch state {
        case .awaitingBundle: return try TestHost(try Deployment())
        case .awaitingOwner:
            let host = try TestHost(try Deployment())
            try host.load()
            return host
        case .provisioned: return try TestHost.provisioned()
        }
    }

    /// Every message in the order of its kind, as good as the state allows, with the reply in each state.
    private func cases(_ host: TestHost) throws -> [(HostMessage, [Reply])] {
        let deployment = host.deployment
        // Before there is a bundle there is no evidence; then another enclave's stands in.
        let donor = try TestHost(deployment)
        try donor.load()
        let evidence = try (try? host.evidence()) ?? donor.evidence()
        return [
            (.hello(version: 1), [.hello, .hello, .hello]),
            (
                .hello(version: 2),
                [.refused(.unsupportedVersion), .refused(.unsupportedVersion), .refused(.unsupportedVersion)]
            ),
            (try deployment.loadManifest(), [.accepted, .refused(.unexpected), .refused(.unexpected)]),
            (
                .loadPart(.frontNet, totalBytes: 9, offset: 0, bytes: [1]),
                [.accepted, .refused(.unexpected), .refused(.unexpected)]
            ),
            (
                .evidence(nonce: [UInt8](repeating: 0, count: 16)), [.refused(.bundleMissing), .evidence, .evidence]
            ),
            (
                .provision(ciphertext: try deployment.provisioning(for: evidence)),
                [.refused(.bundleMissing), .provisioned, .provisioned]
            ),
            (
                .infer(message: try deployment.request(try Picture.floats(), for: evidence).message),
                [.refused(.notProvisioned), .refused(.notProvisioned), .intermediate]
            ),
            (
                .backNetResult([]),
                [.refused(.unknownRequest), .refused(.unknownRequest), .refused(.unknownRequest)]
            ),
            (.backNetFailure, [.refused(.unknownRequest), .refused(.unknownRequest), .refused(.unknownRequest)]),
            (.cancel, [.refused(.unknownRequest), .refused(.unknownRequest), .refused(.unknownRequest)]),
            (.status, [.status, .status, .status]), (.shutdown, [.accepted, .accepted, .accepted]),
        ]
    }

    @Test("Every message in every state has its one reply", arguments: EnclaveStatus.State.allCases)
    func everyStateAndMessage(state: EnclaveStatus.State) throws {
        let index = try #require(EnclaveStatus.State.allCases.firstIndex(of: state))
        let count = try cases(try host(in: state)).count
        for position in 0..<count {
            let host = try host(in: state)
            let (message, replies) = try cases(host)[position]
            #expect(try host.status().state == state)
            #expect(Reply(try host.send(message)) == replies[index], "message \(message.kind) in \(state)")
        }
    }

    @Test("Malformed frames are refused in every state, and change nothing", arguments: EnclaveStatus.State.allCases)
    func malformedFrames(state: EnclaveStatus.State) throws {
        let host = try host(in: state)
        let refusedBefore = try host.status().refused
        let frames = host.framesForMalformed(requestID: 7)
        #expect(frames.map(\.requestID) == [7])
        #expect(frames.map { Reply($0.message) } == [.refused(.malformed)])
        #expect(try host.status().state == state)
        #expect(try host.status().refused == refusedBefore + 1)
    }

    @Test("The manifest must be signed by the owner key that came with it")
    func manifestSignature() throws {
        let deployment = try Deployment()
        let signature = try ManifestSignature.sign(deployment.manifest, by: deployment.owner)
        let owner = deployment.owner.publicKey.bytes
        let host = try TestHost(deployment)
        func refusal(_ manifest: [UInt8], _ signature: [UInt8], _ owner: [UInt8]) throws -> EnclaveErrorCode? {
            try host.refusal(
                of: .loadManifest(manifest: manifest, signature: signature, ownerPublicKey: owner))
        }
        var flipped = signature
        flipped[5] ^= 1
        #expect(try refusal(deployment.manifest + [32], signature, owner) == .manifestUnauthorized)
        #expect(try refusal(deployment.manifest, flipped, owner) == .manifestUnauthorized)
        #expect(
            try refusal(deployment.manifest, signature, OwnerSigningKey.random().publicKey.bytes)
                == .manifestUnauthorized)
        #expect(try refusal(deployment.manifest, signature, owner) == nil)
        #expect(try refusal(deployment.manifest, signature, owner) == .unexpected)
    }

    @Test("Parts come in order, whole, and under the limit")
    func partChunks() throws {
        let host = try TestHost(try Deployment(), limits: EnclaveLimits(partBytes: 10))
        func refusal(_ total: UInt64, _ offset: UInt64, _ bytes: [UInt8]) throws -> EnclaveErrorCode? {
            try host.refusal(of: .loadPart(.frontNet, totalBytes: total, offset: offset, bytes: bytes))
        }
        #expect(try refusal(11, 0, [1]) == .partRefused)
        #expect(try refusal(.max, 0, [1]) == .partRefused)
        #expect(try refusal(4, 1, [1]) == .partRefused)
        #expect(try refusal(4, 0, []) == .partRefused)
        #expect(try refusal(4, 0, [1, 2, 3, 4, 5]) == .partRefused)
        #expect(try refusal(4, 0, [1, 2]) == nil)
        #expect(try refusal(4, 0, [1, 2]) == .partRefused)
        #expect(try refusal(5, 2, [3]) == .partRefused)
        #expect(try refusal(4, 2, [3, 4, 5]) == .partRefused)
        #expect(try refusal(4, .max, [3]) == .partRefused)
        #expect(try refusal(4, 2, [3, 4]) == nil)
        #expect(try refusal(4, 4, [5]) == .partRefused)
        #expect(try host.status().state == .awaitingBundle)
    }

    @Test("Evidence binds nonce, keys, manifest, owner and epoch; each enclave has its own keys and epoch")
    func evidenceBinding() throws {
        let deployment = try Deployment()
        let host = try TestHost(deployment)
        try host.load()
        let nonce = (0..<32).map { UInt8($0) }
        guard case .evidence(let evidence) = try host.send(.evidence(nonce: nonce)) else {
            Issue.record("no evidence")
            return
        }
        // The contract's layout, written out.
        func counted(_ bytes: [UInt8]) -> [UInt8] {
            [UInt8(bytes.count & 255), UInt8(bytes.count >> 8), 0, 0] + bytes
        }
        let transcript =
            Array("infenclave report data v1".utf8) + [0] + counted(nonce) + counted(evidence.keyConfiguration)
            + Array(SHA256.hash(data: deployment.manifest)) + deployment.owner.publicKey.bytes + evidence.epoch
        #expect(evidence.evidence == Array(SHA512.hash(data: transcript)))
        #expect(evidence.collateral == ["vcek": [1]])
        #expect(try evidence.configurations().map(\.kem) == [.xWing, .x25519])

        let other = try TestHost(deployment)
        try other.load()
        #expect(try other.evidence().epoch != evidence.epoch)
        #expect(try other.evidence().keyConfiguration != evidence.keyConfiguration)
    }

    @Test("A nonce of 16 to 64 bytes is taken, no other", arguments: [0, 1, 15, 16, 32, 64, 65])
    func nonceLengths(count: Int) throws {
        let host = try TestHost(try Deployment())
        try host.load()
        let code = try host.refusal(of: .evidence(nonce: [UInt8](repeating: 0, count: count)))
        #expect(code == ((16...64).contains(count) ? nil : .malformed))
    }

    @Test("A platform that makes no evidence is reported by a code")
    func brokenPlatform() throws {
        let host = try TestHost(try Deployment(), evidence: EchoEvidence(isBroken: true))
        try host.load()
        #expect(try host.refusal(of: .evidence(nonce: [UInt8](repeating: 0, count: 32))) == .evidenceUnavailable)
    }
}
