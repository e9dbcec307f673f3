// SPDX-License-Identifier: Apache-2.0
import Evidence
import StrictJSON
import Tensors

/// The checks of what an enclave does with pictures. They use the enclave's facts, which the evidence authenticates:
/// the facts are compared with what the owner signed, then with what the policy demands.
struct ServiceAppraisal {
    let policy: Policy
    let core: ManifestCore
    let facts: EnclaveFacts
    /// The exact bytes of `manifest.json`, whose digest is in the core.
    let manifest: [UInt8]

    /// The service facts to judge. For an enclave that is not provisioned these are the facts that the owner signed;
    /// the enclave compares them with the parts before it serves.
    private var service: ServiceFacts {
        if case .provisioned(_, let service) = facts.state { service } else { core.service }
    }

    func check(_ log: inout CheckLog) throws(Rejection) {
        let parts = [core.part(.frontNet)?.digest, core.part(.mappingUnit)?.digest]
        try log.require(
            .enclaveParts, parts == [facts.frontNetDigest, facts.mappingUnitDigest], otherwise: .partsMismatch,
            found: "\(facts.frontNetDigest.hex), \(facts.mappingUnitDigest.hex)",
            expected: parts.map { $0?.hex ?? "none" }.joined(separator: ", "))
        switch facts.state {
        case .provisioned(_, let service):
            try log.require(
                .enclaveService, service == core.service, otherwise: .serviceMismatch, found: service.encoded().hex,
                expected: core.service.encoded().hex)
        case .unprovisioned: log.skip(.enclaveService, "the owner has not provisioned the enclave: it serves nobody")
        case .leaseEnded: log.skip(.enclaveService, "the owner's lease has ended: the enclave serves nobody")
        }
        everythingInside(&log)
        boundary(&log)
        inputs(&log)
        lease(&log)
        assessment(&log)
    }

    private func everythingInside(_ log: inout CheckLog) {
        let found = service.isEverythingInside ? "nothing crosses" : "\(service.boundaryByteCount) bytes cross"
        switch policy.everythingInside {
        case .require:
            log.note(
                .everythingInside, service.isEverythingInside, otherwise: .notEverythingInside, found: found,
                expected: "nothing crosses")
        case .skip(let reason): log.skip(.everythingInside, reason)
        case .unstated:
            // A pinned manifest says whether anything crosses. Without one, the policy has to.
            if case .require = policy.manifestDigest {
                log.skip(
                    .everythingInside, "not demanded; by the pinned manifest, \(found) to the host for each picture")
            } else {
                log.note(
                    .everythingInside, false, otherwise: .policyIncomplete,
                    found: "a policy with neither 'manifestDigest' nor 'everythingInside'",
                    expected: "one of them, or a reason in 'skip' for each")
            }
        }
    }

    private func boundary(_ log: inout CheckLog) {
        guard !service.isEverythingInside else {
            // Nothing crosses, so limits on size and noise are met.
            log.note(.boundary, true, otherwise: .boundaryTooLarge, found: "nothing crosses to the host")
            return log.note(.noise, true, otherwise: .noiseOutOfBounds, found: "nothing crosses to the host")
        }
        appraise(.boundary, policy.maximumBoundaryBytes, "maximumBoundaryBytes", &log) { maximum, log in
            log.note(
                .boundary, service.boundaryByteCount <= maximum, otherwise: .boundaryTooLarge,
                found: "\(service.boundaryByteCount) bytes", expected: "at most \(maximum)")
        }
        let sigma = service.sigma?.value ?? 0
        appraise(.noise, policy.minimumSigma, "minimumSigma", &log) { minimum, log in
            log.note(
                .noise, sigma >= minimum, otherwise: .noiseOutOfBounds, found: "sigma \(sigma)",
                expected: "at least \(minimum)")
        }
        appraise(.noise, policy.maximumSigma, "maximumSigma", &log) { maximum, log in
            log.note(
                .noise, sigma <= maximum, otherwise: .noiseOutOfBounds, found: "sigma \(sigma)",
                expected: "at most \(maximum)")
        }
    }

    private func inputs(_ log: inout CheckLog) {
        appraise(.inputs, policy.pixelsOnly, "pixelsOnly", &log) { _, log in
            log.note(
                .inputs, !service.acceptsFloats, otherwise: .floatsAccepted,
                found: service.acceptsFloats ? "u8 and f32" : "u8", expected: "u8")
        }
    }

    private func lease(_ log: inout CheckLog) {
        appraise(.lease, policy.maximumLeaseSeconds, "maximumLeaseSeconds", &log) { maximum, log in
            guard case .provisioned(let lease, _) = facts.state else {
                return log.skip(.lease, "there is no lease: the enclave serves nobody")
            }
            log.note(
                .lease, Int(lease.seconds) <= maximum, otherwise: .leaseTooLong, found: "\(lease.seconds) seconds",
                expected: "at most \(maximum)")
        }
    }

    private func assessment(_ log: inout CheckLog) {
        appraise(.assessment, policy.assessment, "assessment", &log) { demand, log in
            do throws(JSONFault) {
                let recorded = try JSONText(manifest, name: "manifest.json").object()["assessment"].object()
                let status = try recorded["status"].string()
                let digest = try recorded["sha256"].string()
                let gates = AssessmentDemand.Gates(rawValue: try recorded["gates"].string())
                let protected = Set(
                    try recorded["protected"].array().map { element throws(JSONFault) in try element.string() })
                let attackerPictures = try recorded["attackerPictures"].integer()
                let adversary = try recorded["adversary"].string()
                // Gates against the paper's adversary alone do not cover an adversary who knows or imitates the
                // FrontNet.
                let passes = try recorded["passes"].boolean() && ["informed", "both"].contains(adversary)
                let holds =
                    status == "assessed" && (demand.digest.map { $0.hex == digest } ?? true)
                    && (demand.passed.map { wanted in
                        passes && (gates.map { $0.isAtLeast(wanted.gates) } ?? false)
                            && attackerPictures >= wanted.attackerPictures
                    } ?? true) && protected.isSuperset(of: demand.protects.map(\.rawValue))
                log.note(
                    .assessment, holds, otherwise: .assessmentMismatch,
                    found: "\(status) \(digest) \(gates?.rawValue ?? "no known gates") "
                        + (passes ? "passed" : "not passed") + " against the adversary '\(adversary)' with "
                        + "\(attackerPictures) pictures, protecting \(protected.sorted().joined(separator: ", "))",
                    expected: demand.description)
            } catch {
                log.note(.assessment, false, otherwise: .malformed, found: error.description)
            }
        }
    }

    /// Makes an optional check: if the policy leaves it open, it is listed as skipped.
    private func appraise<Value>(
        _ check: Check, _ requirement: Requirement<Value>, _ member: String, _ log: inout CheckLog,
        _ body: (Value, inout CheckLog) -> Void
    ) {
        switch requirement {
        case .require(let value): body(value, &log)
        case .skip(let reason): log.skip(check, reason)
        case .unstated: log.skip(check, "the policy names no '\(member)'")
        }
    }
}

extension AssessmentDemand: CustomStringConvertible {
    /// The requirement, in one line.
    public var description: String {
        [
            digest?.hex, passed?.gates.rawValue,
            protects.isEmpty ? nil : "protecting " + protects.map(\.rawValue).sorted().joined(separator: ", "),
            (passed?.attackerPictures).map { "against \($0) pictures or more" },
        ].compactMap(\.self).joined(separator: " ")
    }
}

extension AssessmentDemand.Gates {
    fileprivate func isAtLeast(_ other: Self) -> Bool { self == .strict || other == .standard }
}
