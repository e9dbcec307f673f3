// SPDX-License-Identifier: Apache-2.0
import Attestation
import BundleFormat
import Evidence
import Foundation
import SecretMemory

/// Fetches evidence over a fresh nonce, appraises it, and remembers how new its collateral was.
struct Attestor: Sendable {
    let server: ServerConnection
    let development: DevelopmentTEE
    let collateral: CollateralSources
    let history: CollateralHistory
    let roots: TrustedRoots

    private static let nonceByteCount = 32

    /// - Parameters:
    ///   - time: When certificates and collateral must be valid; now, unless a test says otherwise.
    ///   - seenBefore: ``Claims/collateral`` of earlier verdicts beside the history's.
    ///   - place: The replica whose evidence is requested; `nil` lets the host choose.
    /// - Throws: ``ClientError``; `CancellationError`.
    func session(
        under policy: Policy, at time: Timestamp? = nil, seenBefore: [String: CollateralRecord] = [:],
        place: ReplicaPlace? = nil
    ) async throws -> EnclaveSession {
        let nonce = Randomness.system.nonce(Self.nonceByteCount)
        let (document, replicas) = try await evidence(over: nonce, place ?? .chosen(under: policy))
        let now = time ?? Timestamp(secondsSince1970: Int64(Date().timeIntervalSince1970))
        let own: [CollateralRole: [UInt8]]
        if policy.tee.contains(document.tee) {
            own = try await collateral.collateral(for: document.evidence, of: document.tee)
        } else {
            own = [:]
        }
        let seen = try history.seen().merging(seenBefore) { $0.merged(with: $1) }
        let peer: VerifiedPeer
        do throws(AttestationError) {
            peer = try Appraiser(policy: policy, development: development)
                .verify(document, nonce: nonce, at: now, collateral: own, roots: roots, seenBefore: seen)
        } catch {
            // The records are kept even if evidence is rejected, since they are of lists whose signatures were
            // verified: a revocation must not be forgotten.
            if let verdict = error.verdict { try history.remember(verdict.claims.collateral) }
            throw ClientError(
                .attestationRejected, error.message,
                remedy: "send nothing to this server until the policy and the evidence agree", verdict: error.verdict)
        }
        let session = try EnclaveSession(peer: peer, at: now, replicas: replicas, server: server)
        try history.remember(peer.verdict.claims.collateral)
        return session
    }

    private func evidence(
        over nonce: [UInt8], _ place: ReplicaPlace
    ) async throws -> (EvidenceDocument, ReplicaCount) {
        let response = try await server.get(
            "/.well-known/infenclave/evidence", query: "nonce=\(nonce.hex)" + place.query,
            maximumBytes: EvidenceDocument.maximumBytes)
        try HostRefusal.check(response)
        do throws(EvidenceError) {
            return (try EvidenceDocument(json: response.body), ReplicaCount(response))
        } catch {
            throw ClientError(.invalidResponse, "the server's evidence document: \(error.message)")
        }
    }
}
