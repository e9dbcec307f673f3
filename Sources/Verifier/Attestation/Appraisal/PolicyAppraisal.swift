// SPDX-License-Identifier: Apache-2.0
import Evidence

/// The checks of a policy on what verified evidence says. All are made, so that a verdict names every difference.
struct PolicyAppraisal {
    let policy: Policy
    let request: VerificationRequest
    /// Whether the verdict is about a peer of a session; then requirements that the policy leaves open are refused.
    let isForPeer: Bool

    private var hardware: TEEKind { request.tee.hardware }

    func check(_ claims: Claims, _ log: inout CheckLog) {
        log.note(
            .teeAllowed, policy.tee.contains(request.tee), otherwise: .wrongTEE, found: request.tee.rawValue,
            expected: policy.tee.map(\.rawValue).sorted().joined(separator: " or "))
        state(claims, &log)
        if hardware == .sgx || hardware == .tdx { intel(claims, &log) }
        versions(claims, &log)
        measurements(claims, &log)
        session(claims, &log)
    }

    /// The checks that need a policy, for this kind of TEE.
    static func checks(of tee: TEEKind) -> [Check] {
        let ofTEE: [Check] =
            switch tee.hardware {
            case .development: []
            case .sgx: [.tcbStatus, .advisories, .evaluationDataNumber, .productID]
            case .tdx: [.migration, .flags, .tcbStatus, .advisories, .evaluationDataNumber]
            case .snp: [.policyReserved, .migration, .vmpl, .flags, .mitigations]
            case .nitro: [.age]
            // No kind has these as its hardware.
            case .azureSNP, .azureTDX: []
            }
        return [.teeAllowed, .debug] + ofTEE + (hasVersions(tee) ? [.minimumTCB] : []) + [.measurements]
    }

    /// Whether evidence of the TEE carries security versions.
    private static func hasVersions(_ tee: TEEKind) -> Bool { tee != .development && tee != .nitro }

    private func state(_ claims: Claims, _ log: inout CheckLog) {
        log.note(
            .debug, !claims.isDebug || policy.allowsDebug, otherwise: .debugEnabled,
            found: claims.isDebug ? "debug mode" : "no debug mode")
        if claims.isDebug, policy.allowsDebug {
            log.warnings.append("the TEE runs in debug mode: the host can read and change its memory")
        }
        if let isReserved = claims.hasReservedPolicyBit {
            log.note(.policyReserved, isReserved, otherwise: .policyReserved)
        }
        if let isMigratable = claims.isMigratable {
            log.note(
                .migration, !isMigratable || policy.allowsMigration, otherwise: .migrationEnabled,
                found: isMigratable ? "may be moved" : "may not be moved")
        }
        if let vmpl = claims.vmpl {
            log.note(
                .vmpl, vmpl <= policy.maximumVMPL, otherwise: .vmplNotAllowed, found: "VMPL \(vmpl)",
                expected: "at most \(policy.maximumVMPL)")
        }
        let hasFlags = hardware == .snp || hardware == .tdx
        appraise(.flags, policy.flags, "flags", of: hasFlags, &log) { flags, log in
            for (name, wanted) in flags.sorted(by: { $0.key < $1.key }) {
                let value = claims.flags[name]
                log.note(
                    .flags, value == wanted, otherwise: .flagMismatch,
                    found: "\(name) \(value.map(String.init) ?? "missing")", expected: String(wanted))
            }
        }
        mitigations(claims, &log)
        if hardware == .snp, request.collateral[.crl] == nil {
            if let reason = policy.revocationSkip {
                log.skip(.askRevocation, reason)
            } else if isForPeer {
                log.note(.askRevocation, false, otherwise: .revocationNotChecked, found: "no list of revocations")
            }
        }
    }

    /// Reports before version 5 have no vectors, and bulletins define their bits: a policy need not name any.
    private func mitigations(_ claims: Claims, _ log: inout CheckLog) {
        guard case .require(let demand) = policy.mitigations else {
            if hardware == .snp { log.skip(.mitigations, "the policy names no 'mitigations'") }
            return
        }
        for (name, bits, vector) in [
            ("launch", demand.launch, claims.launchMitigations), ("current", demand.current, claims.currentMitigations),
        ] where !bits.isEmpty {
            let missing = MitigationDemand.missing(bits, in: vector)
            log.note(
                .mitigations, missing.isEmpty, otherwise: .mitigationMissing,
                found: vector == nil
                    ? "no \(name) vector"
                    : "\(name) vector without bit " + missing.map(String.init).joined(separator: ", "),
                expected: "\(name) bits " + bits.sorted().map(String.init).joined(separator: ", "))
        }
    }

    private func intel(_ claims: Claims, _ log: inout CheckLog) {
        let accepted = policy.tcbStatuses.union([.upToDate])
        log.note(
            .tcbStatus, claims.tcbStatus.map(accepted.contains) ?? false, otherwise: .tcbStatusNotAllowed,
            found: claims.tcbStatus?.rawValue ?? "none",
            expected: accepted.map(\.rawValue).sorted().joined(separator: " or "))
        appraise(.advisories, policy.advisories, "advisories", &log) { accepted, log in
            let others = claims.advisories.filter { !accepted.contains($0) }
            log.note(
                .advisories, others.isEmpty, otherwise: .advisoryNotAllowed, found: others.joined(separator: ", "),
                expected: accepted.isEmpty ? "none" : accepted.sorted().joined(separator: ", "))
        }
        appraise(
            .evaluationDataNumber, policy.minimumEvaluationDataNumber, "minimumEvaluationDataNumber", &log
        ) { minimum, log in
            log.note(
                .evaluationDataNumber, claims.evaluationDataNumbers.allSatisfy { $0 >= minimum },
                otherwise: .evaluationTooLow,
                found: claims.evaluationDataNumbers.map(String.init).joined(separator: ", "),
                expected: "at least \(minimum)")
        }
    }

    private func versions(_ claims: Claims, _ log: inout CheckLog) {
        appraise(.minimumTCB, policy.minimumTCB, "minimumTCB", of: Self.hasVersions(request.tee), &log) {
            minimum, log in
            for (name, least) in minimum.sorted(by: { $0.key < $1.key }) {
                let version = claims.securityVersions[Self.versionNames[name] ?? name]
                log.note(
                    .minimumTCB, version.map { $0 >= least } ?? false, otherwise: .tcbStatusNotAllowed,
                    found: "\(name) \(version.map(String.init) ?? "missing")", expected: "at least \(least)")
            }
            let named = Set(minimum.keys.map { Self.versionNames[$0] ?? $0 })
            let open = claims.platformVersions.filter { !named.contains($0) }.joined(separator: ", ")
            if !open.isEmpty, isForPeer {
                log.note(
                    .minimumTCB, false, otherwise: .policyIncomplete, found: "a minimumTCB without \(open)",
                    expected: "the least version of each part, 0 where any will do")
            } else if !open.isEmpty {
                log.skip(.minimumTCB, "the policy's minimumTCB does not name \(open)")
            }
        }
        appraise(.productID, policy.productID, "productID", of: request.tee == .sgx, &log) { expected, log in
            log.note(
                .productID, claims.productID == expected, otherwise: .measurementMismatch,
                found: claims.productID.map(String.init) ?? "missing", expected: String(expected))
        }
    }

    /// Long names of security versions.
    private static let versionNames = ["bootLoader": "bl", "microcode": "ucode", "isvSVN": "isvsvn"]

    private func measurements(_ claims: Claims, _ log: inout CheckLog) {
        if case .require(let pinned) = policy.measurements {
            for (name, accepted) in pinned.sorted(by: { $0.key < $1.key }) {
                let value = claims.measurements.first { Self.plain($0.name) == Self.plain(name) }?.value
                log.note(
                    .measurements, value.map(accepted.contains) ?? false, otherwise: .measurementMismatch,
                    found: "\(name) \(value?.hex ?? "missing")",
                    expected: accepted.map(\.hex).sorted().joined(separator: " or "))
            }
        }
        if isForPeer {
            requireIdentity(&log)
        } else if case .unstated = policy.measurements {
            log.skip(.measurements, "the policy names no measurements")
        }
        if case .skip(let reason) = policy.measurements { log.skip(.measurements, reason) }
    }

    /// The common form of equivalent names such as `hostData`, `HOST_DATA` and `host_data`.
    private static func plain(_ name: String) -> String {
        name.lowercased().filter { $0 != "_" && $0 != "-" }
    }

    /// All of a peer's code has to be pinned: its firmware alone, or the signer of its programs, does not identify it.
    private func requireIdentity(_ log: inout CheckLog) {
        if case .skip = policy.measurements { return }
        var pinned: [String: Set<[UInt8]>] = [:]
        if case .require(let required) = policy.measurements {
            for (name, values) in required { pinned[Self.plain(name), default: []].formUnion(values) }
        }
        var isSigned = false
        if case .require = policy.productID, case .require(let minimum) = policy.minimumTCB {
            isSigned = pinned["mrsigner"] != nil && minimum.keys.contains { $0.lowercased() == "isvsvn" }
        }
        let needed: Set<String> = request.tee == .sgx && isSigned ? ["mrsigner"] : CodeIdentity.names(of: request.tee)
        let missing = needed.filter { pinned[$0] == nil }
        if !missing.isEmpty {
            log.note(
                .measurements, false, otherwise: .measurementNotPinned,
                found: "no value for " + missing.sorted().joined(separator: ", ") + " in the policy")
        }
        let zero = needed.filter { name in
            pinned[name]?.contains { CodeIdentity.isUnmeasured(name, $0, of: request.tee) } ?? false
        }
        if !zero.isEmpty {
            log.note(
                .measurements, false, otherwise: .measurementNotPinned,
                found: "zeros for " + zero.sorted().joined(separator: ", ") + " in the policy",
                expected: "the value of a machine whose firmware measures what it starts")
        }
    }

    private func session(_ claims: Claims, _ log: inout CheckLog) {
        // A peer's evidence is as old as the nonce in it.
        if isForPeer, claims.timestamp == nil {
            log.note(.age, true, otherwise: .tooOld, found: "made for this session's nonce")
        } else {
            appraise(.age, policy.maximumAgeSeconds, "maximumAgeSeconds", of: request.tee == .nitro, &log) {
                maximum, log in
                let age = claims.timestamp.map { abs(request.time.secondsSince1970 - $0.secondsSince1970) }
                log.note(
                    .age, age.map { $0 <= maximum } ?? false, otherwise: .tooOld,
                    found: age.map { "\($0) seconds" } ?? "evidence without a time",
                    expected: "at most \(maximum) seconds")
            }
        }
        if case .require(let nonce) = policy.nonce {
            log.note(
                .nonce, claims.nonce == nonce, otherwise: .nonceMismatch,
                found: claims.nonce?.hex ?? "evidence without a nonce", expected: nonce.hex)
        }
        if case .require(let expected) = policy.reportData { ReportDataAppraisal.check(expected, claims, &log) }
    }

    /// Makes a check that a policy may leave open, or lists it as skipped.
    ///
    /// - Parameter isOfTEE: Whether the check applies to the TEE; if not, it is made only if a policy demands it, and
    ///   then fails.
    private func appraise<Value>(
        _ check: Check, _ requirement: Requirement<Value>, _ member: String, of isOfTEE: Bool = true,
        _ log: inout CheckLog, _ body: (Value, inout CheckLog) -> Void
    ) {
        switch requirement {
        case .require(let value): body(value, &log)
        case .skip(let reason): log.skip(check, reason)
        case .unstated where isOfTEE && isForPeer:
            log.note(
                check, false, otherwise: .policyIncomplete, found: "a policy without '\(member)'",
                expected: "a value, or a reason in 'skip'")
        case .unstated where isOfTEE: log.skip(check, "the policy names no '\(member)'")
        case .unstated: break
        }
    }
}

/// The comparison of report data with a value that the caller or the policy names.
enum ReportDataAppraisal {
    static func check(_ expected: [UInt8], _ claims: Claims, _ log: inout CheckLog) {
        log.note(
            .reportData, claims.reportData == expected, otherwise: .reportDataMismatch,
            found: claims.reportData.hex, expected: expected.hex)
    }
}
