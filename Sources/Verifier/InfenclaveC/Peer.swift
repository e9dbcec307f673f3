// SPDX-License-Identifier: Apache-2.0
// The names are those of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Attestation
import BundleFormat
public import CInfenclave
import Evidence
import SealedChannel

/// A verified enclave with the key that messages to it are sealed to.
final class Peer: Sendable {
    let peer: VerifiedPeer
    let manifest: BundleManifest
    let recipient: KeyConfiguration

    /// - Throws: ``Failure`` `invalidResponse` for a manifest or keys that cannot be used.
    init(_ peer: VerifiedPeer) throws {
        self.peer = peer
        do {
            manifest = try BundleManifest(decoding: peer.manifest)
            try manifest.check(against: peer.manifestCore)
            recipient = try KeyConfiguration.preferred(
                in: try KeyConfiguration.parseList(peer.keyConfiguration.span.bytes))
        } catch {
            throw Failure(
                "invalidResponse", "the attested manifest or key configuration is not usable: \(error)",
                remedy: "use the version of infenclave that the server runs")
        }
    }
}

/// The description of a peer for programs.
private struct PeerDescription: Encodable {
    struct Lease: Encodable { let sequence: UInt64, seconds: UInt32, secondsLeft: UInt32 }

    let verdict: VerdictDescription
    let manifest: BundleManifest
    let manifestDigest: String
    let epoch: String
    let state: String
    let lease: Lease?
    let boundaryBytes: Int
    let acceptsFloats: Bool
    let kem: String

    private enum CodingKeys: CodingKey {
        case verdict, manifest, manifestDigest, epoch, state, lease, boundaryBytes, acceptsFloats, kem
    }

    init(_ peer: Peer) {
        verdict = VerdictDescription(peer.peer.verdict)
        manifest = peer.manifest
        manifestDigest = peer.peer.manifestDigest.hex
        epoch = peer.peer.epoch.hex
        switch peer.peer.facts.state {
        case .provisioned(let lease, _):
            state = "provisioned"
            self.lease = Lease(sequence: lease.sequence, seconds: lease.seconds, secondsLeft: lease.secondsLeft)
        case .unprovisioned: (state, lease) = ("unprovisioned", nil)
        case .leaseEnded: (state, lease) = ("leaseEnded", nil)
        }
        boundaryBytes = peer.peer.manifestCore.service.boundaryByteCount
        acceptsFloats = peer.peer.manifestCore.service.acceptsFloats
        kem = peer.recipient.kem == .xWing ? "X-Wing" : "X25519"
    }

    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(verdict, forKey: .verdict)
        try members.encode(manifest, forKey: .manifest)
        try members.encode(manifestDigest, forKey: .manifestDigest)
        try members.encode(epoch, forKey: .epoch)
        try members.encode(state, forKey: .state)
        try members.encode(lease, forKey: .lease)
        try members.encode(boundaryBytes, forKey: .boundaryBytes)
        try members.encode(acceptsFloats, forKey: .acceptsFloats)
        try members.encode(kem, forKey: .kem)
    }
}

/// Verifies that an evidence document was made for a nonce by an enclave that a policy describes. `infenclave.h` documents
/// parameters and results.
@c @implementation
public func infenclave_verify(
    _ document: infenclave_bytes, _ nonce: infenclave_bytes, _ policy: infenclave_bytes,
    _ sources: UnsafePointer<infenclave_sources>!, _ peer: UnsafeMutablePointer<OpaquePointer?>!,
    _ description: UnsafeMutablePointer<infenclave_buffer>!, _ failure: UnsafeMutablePointer<infenclave_buffer>!
) -> Int32 {
    guard let sources, let peer, let description, let failure else { return INFENCLAVE_MISUSE }
    return answer(failure) {
        let appraiser = Appraiser(
            policy: try Policy(json: try bytes(policy, "the policy")),
            development: sources.pointee.dangerously_accepts_development == 1 ? .dangerouslyAccept : .refuse)
        let given = try Sources(sources.pointee)
        let json = try bytes(document, "the document")
        let evidence: EvidenceDocument
        do throws(EvidenceError) { evidence = try EvidenceDocument(json: json) } catch {
            throw Failure("invalidResponse", "the server's evidence document: \(error.message)")
        }
        let verified = try Peer(
            appraiser.verify(
                evidence, nonce: try bytes(nonce, "the nonce"), at: given.time, collateral: given.collateral,
                roots: given.roots, seenBefore: given.seen))
        description.set(jsonBytes(PeerDescription(verified)))
        peer.pointee = Handle.make(verified)
    }
}

/// 1 if both are the same run of an enclave with the same keys, else 0.
@c @implementation
public func infenclave_peer_has_same_keys(_ peer: OpaquePointer!, _ other: OpaquePointer!) -> Int32 {
    guard let peer, let other else { return 0 }
    let (one, two) = (Handle.object(peer, as: Peer.self).peer, Handle.object(other, as: Peer.self).peer)
    return one.epoch == two.epoch && one.keyConfiguration == two.keyConfiguration ? 1 : 0
}

/// Frees a verified enclave.
@c @implementation
public func infenclave_peer_free(_ peer: OpaquePointer!) { Handle.free(peer, as: Peer.self) }
