// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import Evidence
import Foundation
import InfenclaveClient
import ProxyCommand

/// Evidence in a file, without a session.
struct SavedEvidenceArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The time for the verification, such as 2026-06-01T00:00:00Z. Default: now.", valueName: "time")) var at:
        String?
    @Option(help: ArgumentHelp("The expected report data, hexadecimal.", valueName: "hex")) var reportData: String?
    @Option(
        help: ArgumentHelp(
            "Trust this root certificate, PEM, instead of the vendor's.",
            discussion: "For tests only: every output says so.", valueName: "file"))
    var dangerouslyTrustRoot: String?

    var isUsed: Bool { at != nil || reportData != nil || dangerouslyTrustRoot != nil }

    static func kind(_ name: String?) throws -> TEEKind {
        guard let name, let kind = TEEKind(rawValue: name), kind != .development else {
            throw ValidationError("--evidence needs --tee sgx, tdx, snp, nitro, az-snp or az-tdx")
        }
        return kind
    }

    func validate() throws {
        if let at, Timestamp(iso8601: at) == nil {
            throw ValidationError("--at takes a time such as 2026-06-01T00:00:00Z")
        }
        if let reportData, [UInt8](hex: reportData) == nil { throw ValidationError("--report-data takes hexadecimal") }
    }

    func verdict(
        on evidence: String, kind: TEEKind, policy: String?, collateral: CollateralArguments
    ) async throws -> Verdict {
        do {
            let bytes = [UInt8](try InputFile.read(evidence, maximumBytes: 1 << 20))
            // Saved evidence may be old, so it is not compared with the collateral history unless the user asks for it.
            let history = collateral.collateralHistory.map { CollateralHistory.file($0) }
            let now = Timestamp(secondsSince1970: Int64(Date().timeIntervalSince1970))
            let request = VerificationRequest(
                tee: kind, evidence: bytes, collateral: try await collateral.sources().collateral(for: bytes, of: kind),
                at: at.flatMap(Timestamp.init(iso8601:)) ?? now,
                roots: try dangerouslyTrustRoot.map {
                    try .dangerouslyTrust([UInt8](try InputFile.read($0, maximumBytes: 1 << 16)))
                } ?? .vendors, seenBefore: try history?.seen() ?? [:])
            let appraiser = SavedEvidenceAppraiser(
                policy: try policy.map { try Policy(json: [UInt8](try InputFile.read($0, maximumBytes: 1 << 20))) },
                reportData: reportData.flatMap { [UInt8](hex: $0) }.map(Requirement.require) ?? .unstated)
            let verdict = appraiser.verdict(on: request)
            // Verified collateral is recorded even if the evidence is rejected: a revocation is a rejection, too. With
            // another root than the vendor's, nothing is known about the vendor's collateral.
            if dangerouslyTrustRoot == nil {
                try history?.remember(verdict.claims.collateral)
            }
            return verdict
        } catch let error as AttestationError {
            throw CommandFailure("attestation", error.message, remedy: "Documentation/attestation-checks.md has more")
        }
    }
}
