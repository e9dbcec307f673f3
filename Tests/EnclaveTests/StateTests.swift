// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveCore
import EnclaveFixtures
import Evidence
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("Enclave states")
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
        case .leaseEnded:
            let host = try TestHost.provisioned()
            _ = host.advance(by: .seconds(Deployment.terms.leaseSeconds))
            return host
        }
    }

    private func all(_ reply: Reply) -> [Reply] { [Reply](repeating: reply, count: 4) }
    private func three(_ reply: Reply) -> [Reply] { [Reply](repeating: reply, count: 3) }

    /// Every message in the order of its kind, as good as the state allows, with the reply in each state.
    private func cases(_ host: TestHost) throws -> [(HostMessage, [Reply])] {
        let deployment = host.deployment
        // Without a bundle there is no evidence, so evidence of another enclave is used.
        let donor = try TestHost(deployment)
        try donor.load()
        let evidence = try (try? host.evidence()) ?? donor.evidence()
        return [
            (.hello(versions: 1...9), all(.hello)), (.hello(versions: 1...2), all(.refused(.unsupportedVersion))),
            (.hello(versions: 4...9), all(.refused(.unsupportedVersion))),
            (try deployment.loadManifest(), [.accepted] + three(.refused(.unexpected))),
            (
                .loadPart(.frontNet, totalBytes: UInt64(deployment.frontNet.count), offset: 0, bytes: [1]),
                three(.refused(.unexpected)) + [.accepted]
            ),
            (
                .evidence(nonce: [UInt8](repeating: 0, count: 16)), [.refused(.bundleMissing)] + three(.evidence)
            ),
            (
                .provision(ciphertext: try deployment.provisioning(for: evidence, terms: .init(sequence: 2))),
                [.refused(.bundleMissing), .provisioned, .provisioned, .refused(.bundleMissing)]
            ),
            (
                .provision(ciphertext: try deployment.provisioning(for: evidence)),
                [.refused(.bundleMissing), .provisioned, .refused(.staleSequence), .refused(.staleSequence)]
            ),
            (
                .infer(message: try deployment.request(try Picture.floats(), for: evidence).message),
                [.refused(.notProvisioned), .refused(.notProvisioned), .intermediate, .answer]
            ),
            (.backNetResult([]), all(.refused(.unknownRequest))), (.backNetFailure, all(.refused(.unknownRequest))),
            (.cancel, all(.refused(.unknownRequest))), (.status, all(.status)), (.shutdown, all(.accepted)),
            (.keySlot(KeySlot(of: 0x70)), [.accepted] + three(.refused(.unexpected))),
        ]
    }

    @Test("Every message in every state has its defined reply", arguments: EnclaveStatus.State.allCases)
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

    @Test("The manifest core must be valid, and signed by the owner key that it contains")
    func manifestSignature() throws {
        let deployment = try Deployment()
        let core = deployment.core.encoded()
        let signature = try ManifestSignature.sign(core, by: deployment.owner)
        let host = try TestHost(deployment)
        func refusal(_ core: [UInt8], _ signature: [UInt8]) throws -> EnclaveErrorCode? {
            try host.refusal(of: .loadManifest(core: core, signature: signature))
        }
        var flipped = signature
        flipped[5] ^= 1
        #expect(try refusal(core, flipped) == .manifestUnauthorized)
        #expect(try refusal(core, try ManifestSignature.sign(core, by: .random())) == .manifestUnauthorized)
        for index in core.indices {
            var flipped = core
            flipped[index] ^= 1
            let code = try refusal(flipped, signature)
            // The versions of the core and of the facts in it.
            let isVersion = [8, 9, 62, 63].contains(index)
            #expect(code == (isVersion ? .unsupportedVersion : .manifestUnauthorized), "byte \(index)")
        }
        // An owner may sign nothing that is not a core.
        for bytes in [[], core + [0], Array(core.dropLast()), Array("{}".utf8)] {
            let signature = try ManifestSignature.sign(bytes, by: deployment.owner)
            #expect(try refusal(bytes, signature) == .manifestUnauthorized)
        }
        #expect(try refusal(core, signature) == nil)
        #expect(try refusal(core, signature) == .unexpected)
    }

    @Test("Parts must follow the manifest, in order, with the stated sizes")
    func partChunks() throws {
        let host = try TestHost(try Deployment())
        let part = host.deployment.frontNet
        let total = UInt64(part.count)
        func refusal(_ total: UInt64, _ offset: UInt64, _ bytes: [UInt8]) throws -> EnclaveErrorCode? {
            try host.refusal(of: .loadPart(.frontNet, totalBytes: total, offset: offset, bytes: bytes))
        }
        #expect(try refusal(total, 0, [part[0]]) == .unexpected)
        _ = try host.send(try host.deployment.loadManifest())
        #expect(try refusal(total + 1, 0, [part[0]]) == .partRefused)
        #expect(try refusal(.max, 0, [part[0]]) == .partRefused)
        #expect(try refusal(total, 1, [part[0]]) == .partRefused)
        #expect(try refusal(total, 0, []) == .partRefused)
        #expect(try refusal(total, 0, part + [0]) == .partRefused)
        #expect(try refusal(total, 0, Array(part[0..<2])) == nil)
        #expect(try refusal(total, 0, Array(part[0..<2])) == .partRefused)
        #expect(try refusal(total - 1, 2, [part[2]]) == .partRefused)
        #expect(try refusal(total, 2, Array(part[2...]) + [0]) == .partRefused)
        #expect(try refusal(total, .max, [part[2]]) == .partRefused)
        #expect(try refusal(total, 2, Array(part[2...])) == nil)
        #expect(try refusal(total, total, [5]) == .partRefused)
        #expect(try host.status().state == .awaitingBundle)
    }

    @Test("A bundle with a part over the enclave's limit is refused before any part is accepted")
    func partLimit() throws {
        let deployment = try Deployment()
        let host = try TestHost(deployment, limits: EnclaveLimits(partBytes: deployment.frontNet.count - 1))
        #expect(try host.refusal(of: deployment.loadManifest()) == .partRefused)
    }

    @Test("Evidence binds nonce, keys, facts, manifest, owner and epoch; each enclave has its own keys and epoch")
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
            Array("infenclave report data v2".utf8) + [0] + counted(nonce) + counted(evidence.keyConfiguration)
            + counted(evidence.facts) + Array(SHA256.hash(data: deployment.core.encoded()))
            + deployment.owner.publicKey.bytes + evidence.epoch
        #expect(evidence.evidence == Array(SHA512.hash(data: transcript)))
        #expect(evidence.collateral == ["vcek": [1]])
        #expect(try evidence.configurations().map(\.kem) == [.xWing, .x25519])

        let other = try TestHost(deployment)
        try other.load()
        #expect(try other.evidence().epoch != evidence.epoch)
        #expect(try other.evidence().keyConfiguration != evidence.keyConfiguration)
    }

    @Test("Only a nonce of 16 to 64 bytes is accepted", arguments: [0, 1, 15, 16, 32, 64, 65])
    func nonceLengths(count: Int) throws {
        let host = try TestHost(try Deployment())
        try host.load()
        let code = try host.refusal(of: .evidence(nonce: [UInt8](repeating: 0, count: count)))
        #expect(code == ((16...64).contains(count) ? nil : .malformed))
    }

    @Test("A platform that makes no evidence causes an error code")
    func brokenPlatform() throws {
        let host = try TestHost(try Deployment(), evidence: EchoEvidence(isBroken: true))
        try host.load()
        #expect(try host.refusal(of: .evidence(nonce: [UInt8](repeating: 0, count: 32))) == .evidenceUnavailable)
    }
}
