// SPDX-License-Identifier: Apache-2.0
// The names are those of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Attestation
public import CInfenclave
import Evidence

/// Judges saved evidence, which belongs to no session. `infenclave.h` documents parameters and results.
@c @implementation
public func infenclave_appraise(
    _ tee: UnsafePointer<CChar>!, _ evidence: infenclave_bytes, _ policy: infenclave_bytes,
    _ reportData: infenclave_bytes, _ sources: UnsafePointer<infenclave_sources>!,
    _ verdict: UnsafeMutablePointer<infenclave_buffer>!, _ failure: UnsafeMutablePointer<infenclave_buffer>!
) -> Int32 {
    guard let tee, let sources, let verdict, let failure else { return INFENCLAVE_MISUSE }
    return answer(failure) {
        let name = try text(tee, "the TEE")
        guard let kind = TEEKind(rawValue: name) else {
            throw Failure(
                "invalidInput", "'\(name.prefix(40))' is no TEE",
                remedy: "expected \(TEEKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let given = try Sources(sources.pointee)
        let file = try bytes(policy, "the policy")
        let boundTo = try bytes(reportData, "the report data")
        let appraiser = SavedEvidenceAppraiser(
            policy: file.isEmpty ? nil : try Policy(json: file),
            reportData: boundTo.isEmpty ? .unstated : .require(boundTo), development: given.development)
        let request = VerificationRequest(
            tee: kind, evidence: try bytes(evidence, "the evidence"), collateral: given.collateral, at: given.time,
            roots: given.roots, seenBefore: given.seen)
        verdict.set(jsonBytes(VerdictDescription(appraiser.verdict(on: request))))
    }
}
