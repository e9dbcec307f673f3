// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence
import Foundation
import TestSupport
import Testing

/// Evidence that machines of Azure made, with the vendors' roots and genuine collateral.
struct AzureSample: Sendable, CustomTestStringConvertible {
    let name: String
    let tee: TEEKind
    let at: String
    /// Extra data of the TPM's quote.
    let reportData: String
    /// Files of the shared folder, by role.
    let collateral: [CollateralRole: String]

    private static let intel = "vectors/attestation/tdx/v4-gcp-eval19"
    static let all = [
        AzureSample(
            name: "az-snp-milan", tee: .azureSNP, at: "2026-09-01T00:00:00Z",
            reportData:
                "982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9f5f819ef",
            collateral: [.crl: "field/crl/milan.der", .intermediate: "vectors/attestation/roots/amd_milan_ask.pem"]),
        AzureSample(
            name: "az-snp-genoa", tee: .azureSNP, at: "2026-09-01T00:00:00Z",
            reportData:
                "0218488bae25d2509232bf676f1a66a30d7372add909109b36016ef136f2938ca05475f8b46094de6b64270ea35d950f",
            collateral: [.crl: "field/crl/genoa.der", .intermediate: "vectors/attestation/roots/amd_genoa_ask.pem"]),
        AzureSample(
            name: "az-tdx", tee: .azureTDX, at: "2026-07-02T00:00:00Z",
            reportData: Array("challenge".utf8).hex,
            collateral: [
                .tcbInfo: "\(intel)/tcb_info.json", .tcbInfoIssuerChain: "\(intel)/tcb_issuer_chain.pem",
                .qeIdentity: "\(intel)/qe_identity.json", .qeIdentityIssuerChain: "\(intel)/tcb_issuer_chain.pem",
                .pckCRL: "\(intel)/pck_crl.der", .rootCACRL: "\(intel)/root_ca_crl.der",
            ]),
    ]
    static let hasCollateral = all.allSatisfy { $0.collateral.values.allSatisfy(SharedFiles.exists) }

    var testDescription: String { name }

    func members() throws -> [String: Any] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appending(path: "Reference/azure/\(name).json")
        return try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    func verdict(_ members: [String: Any]) throws -> Verdict {
        let request = VerificationRequest(
            tee: tee, evidence: Array(try JSONSerialization.data(withJSONObject: members)),
            collateral: try collateral.mapValues { Array(try SharedFiles.bytes($0)) },
            at: try #require(Timestamp(iso8601: at)), roots: .vendors)
        return SavedEvidenceAppraiser(policy: nil).verdict(on: request)
    }
}

@Suite(
    "Genuine Azure evidence",
    .enabled(if: AzureSample.hasCollateral, Comment(rawValue: SharedFiles.absence)))
struct AzureSampleTests {
    @Test("Genuine evidence verifies up to the vendor's root and down to the TPM quote", arguments: AzureSample.all)
    func accepted(_ sample: AzureSample) throws {
        let verdict = try sample.verdict(sample.members())
        #expect(verdict.isAccepted, "\(verdict.summary)")
        #expect(verdict.claims.reportData.hex == sample.reportData)
        #expect(verdict.claims.measurements.filter { $0.name.hasPrefix("pcr") }.count == 24)
        let checks = Set(verdict.entries.filter { $0.outcome == .passed }.map(\.check))
        let hardware: Check = sample.tee == .azureSNP ? .reportSignature : .quoteSignature
        #expect(checks.isSuperset(of: [hardware, .runtimeData, .tpmQuoteSignature, .tpmRegisters]))
    }

    /// A member as bytes, in either form: hexadecimal or base64url, or an array of numbers.
    private func bytes(_ value: Any?, isWrapped: Bool) throws -> [UInt8] {
        if let numbers = value as? [Int] { return numbers.map { UInt8($0) } }
        let text = try #require(value as? String)
        guard isWrapped else { return try #require([UInt8](hex: text)) }
        return Array(try #require(Data(base64Encoded: text.replacing("-", with: "+").replacing("_", with: "/"))))
    }

    /// The same in the form that it came in.
    private func value(_ bytes: [UInt8], like old: Any?, isWrapped: Bool) -> Any {
        if old is [Int] { return bytes.map(Int.init) }
        guard isWrapped else { return bytes.hex }
        return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    }

    /// Flips a bit in bytes of a member, and expects each to be refused by one of the checks.
    private func expectRefused(
        _ sample: AzureSample, _ path: [String], _ range: Range<Int>?, isWrapped: Bool, by checks: Set<Check>
    ) throws {
        let original = try sample.members()
        var inner = original
        for name in path.dropLast() { inner = try #require(inner[name] as? [String: Any]) }
        let name = try #require(path.last)
        let bytes = try bytes(inner[name], isWrapped: isWrapped)
        for index in stride(from: range?.lowerBound ?? 0, to: range?.upperBound ?? bytes.count, by: 37) {
            var changed = bytes
            changed[index] ^= 1
            var (members, part) = (original, inner)
            part[name] = value(changed, like: inner[name], isWrapped: isWrapped)
            if path.count > 1 { members[path[0]] = part } else { members = part }
            let failed = try sample.verdict(members).failures.map(\.entry.check)
            #expect(failed.first.map(checks.contains) == true, "\(path) byte \(index): \(failed)")
        }
    }

    @Test(
        "A flipped bit in the HCL report, runtime data, TPM key, quote or PCRs is refused by the corresponding check",
        arguments: AzureSample.all)
    func mutations(_ sample: AzureSample) throws {
        let members = try sample.members()
        let reportName = members["hcl_report"] == nil ? "report" : "hcl_report"
        let quoteName = members["tpm_quote"] == nil ? "quote" : "tpm_quote"
        let report = try bytes(members[reportName], isWrapped: true)
        func refused(_ range: Range<Int>?, _ checks: Set<Check>) throws {
            try expectRefused(sample, [reportName], range, isWrapped: true, by: checks)
        }
        try refused(0..<32, [.evidenceFormat])
        if sample.tee == .azureSNP {
            // Measurement, report data, chip and TCB, and the signature.
            try refused((32 + 0x50)..<(32 + 0xC0), [.reportSignature])
            try refused((32 + 0x180)..<(32 + 0x188), [.reportSignature, .vekTCB, .evidenceFormat])
            try refused((32 + 0x2A0)..<(32 + 0x2D0), [.reportSignature, .evidenceFormat])
        } else {
            // The digests of the TDREPORT's parts; its report data, which is the quote's as well.
            try refused((32 + 32)..<(32 + 128), [.evidenceFormat])
            try refused((32 + 128)..<(32 + 192), [.hclReport])
            try refused((32 + 512)..<(32 + 1024), [.evidenceFormat])
            try expectRefused(sample, ["td_quote"], (48 + 120)..<(48 + 520), isWrapped: true, by: [.quoteSignature])
        }
        let runtimeData = try #require(report.firstRange(of: Array(#"{"keys":["#.utf8))).lowerBound
        let end = try #require(report.lastIndex { $0 != 0 }) + 1
        try refused(runtimeData..<end, [.runtimeData])
        let key = try #require(report.firstRange(of: Array(#""n":""#.utf8))).upperBound
        try refused((key + 1)..<(key + 300), [.runtimeData])

        func refused(_ name: String, _ range: Range<Int>?, _ checks: Set<Check>) throws {
            try expectRefused(sample, [quoteName, name], range, isWrapped: false, by: checks)
        }
        // Behind magic number and kind: signer, extra data, clock; at the end the digest.
        try refused("message", 8..<40, [.tpmQuoteSignature])
        let message = try bytes((members[quoteName] as? [String: Any])?["message"], isWrapped: false)
        try refused("message", (message.count - 32)..<message.count, [.tpmQuoteSignature])
        try refused("message", 0..<6, [.evidenceFormat])
        try refused("signature", nil, [.tpmQuoteSignature])
        var quote = try #require(members[quoteName] as? [String: Any])
        let registers = try #require(quote["pcrs"] as? [Any])
        for number in registers.indices {
            var (changed, copy) = (registers, members)
            var register = try bytes(registers[number], isWrapped: false)
            register[number] ^= 1
            changed[number] = value(register, like: registers[number], isWrapped: false)
            quote["pcrs"] = changed
            copy[quoteName] = quote
            #expect(try sample.verdict(copy).failures.map(\.entry.check) == [.tpmRegisters], "register \(number)")
        }
    }
}
