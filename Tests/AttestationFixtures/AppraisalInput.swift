// SPDX-License-Identifier: Apache-2.0
package import Attestation
package import BundleFormat
package import Evidence

/// The complete input of an appraisal, so that verifiers in other languages can get the same.
package struct AppraisalInput: Sendable {
    /// A document, for what talks to a service.
    package struct Service: Sendable {
        package var document: EvidenceDocument
        /// The caller's own.
        package var nonce: [UInt8]
        package var development: DevelopmentTEE

        package init(document: EvidenceDocument, nonce: [UInt8], development: DevelopmentTEE = .refuse) {
            self.document = document
            self.nonce = nonce
            self.development = development
        }
    }

    package var tee: TEEKind
    package var evidence: [UInt8]
    /// The caller's own.
    package var collateral: [CollateralRole: [UInt8]]
    package var time: Timestamp
    /// The root that is trusted in the vendor's place, PEM or DER; `nil` for the vendor's.
    package var root: [UInt8]?
    package var seenBefore: [String: CollateralRecord]
    /// JSON; `nil` for none, which only saved evidence can do without.
    package var policy: [UInt8]?
    /// `nil` for saved evidence.
    package var service: Service?

    package init(
        tee: TEEKind, evidence: [UInt8], collateral: [CollateralRole: [UInt8]], at time: Timestamp, root: [UInt8]?,
        seenBefore: [String: CollateralRecord] = [:], policy: [UInt8]?, service: Service? = nil
    ) {
        self.tee = tee
        self.evidence = evidence
        self.collateral = collateral
        self.time = time
        self.root = root
        self.seenBefore = seenBefore
        self.policy = policy
        self.service = service
    }

    /// Saved evidence of a fixture.
    ///
    /// - Parameters:
    ///   - tee: What the caller takes the evidence for.
    ///   - policy: Members in JSON that take the place of the fixture's.
    package init(
        _ fixture: some EvidenceFixture, as tee: TEEKind? = nil, policy: [String: String] = [:],
        at time: Timestamp = Period.now, seenBefore: [String: CollateralRecord] = [:]
    ) throws {
        let request = try fixture.request(as: tee, at: time, seenBefore: seenBefore)
        self.init(
            tee: request.tee, evidence: request.evidence, collateral: request.collateral, at: time,
            root: try fixture.trustedRoot(), seenBefore: seenBefore,
            policy: Policy.json(members: fixture.policy.merging(policy) { $1 }))
    }

    /// The verdict that ``Attestation`` comes to.
    package func verdict() throws -> Verdict {
        let policy = try policy.map { json throws(AttestationError) in try Policy(json: json) }
        let roots = try root.map { try TrustedRoots.dangerouslyTrust($0) } ?? .vendors
        guard let service, let policy else {
            return SavedEvidenceAppraiser(policy: policy).verdict(
                on: VerificationRequest(
                    tee: tee, evidence: evidence, collateral: collateral, at: time, roots: roots,
                    seenBefore: seenBefore))
        }
        let appraiser = Appraiser(policy: policy, development: service.development)
        do throws(AttestationError) {
            return try appraiser.verify(
                service.document, nonce: service.nonce, at: time, collateral: collateral, roots: roots,
                seenBefore: seenBefore
            ).verdict
        } catch {
            guard let verdict = error.verdict else { throw error }
            return verdict
        }
    }
}

extension PeerFixture {
    /// - Parameters:
    ///   - policy: All its members, in JSON; the fixture's own unless said otherwise.
    ///   - nonce: The caller's, if it is not the one that the enclave bound.
    package func input(
        _ document: EvidenceDocument, policy: [String: String]? = nil, nonce: [UInt8]? = nil,
        development: DevelopmentTEE = .refuse
    ) throws -> AppraisalInput {
        AppraisalInput(
            tee: document.tee, evidence: document.evidence, collateral: try evidence.collateral(), at: Period.now,
            root: try evidence.trustedRoot(), policy: Policy.json(members: policy ?? self.policy),
            service: .init(document: document, nonce: nonce ?? self.nonce, development: development))
    }
}
