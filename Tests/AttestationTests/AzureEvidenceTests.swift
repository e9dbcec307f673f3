// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Foundation
import TestSupport
import Testing

@Suite("Azure evidence")
struct AzureEvidenceTests {
    private func verdict(_ fixture: some EvidenceFixture, _ evidence: [UInt8]) throws -> Verdict {
        let request = VerificationRequest(
            tee: fixture.tee, evidence: evidence, collateral: try fixture.collateral(), at: Period.now,
            roots: try fixture.roots())
        return SavedEvidenceAppraiser(policy: try Policy(members: fixture.policy)).verdict(on: request)
    }

    @Test("The verdict's report data is the extra data of the TPM quote")
    func extraData() throws {
        let fixture = AzureFixture.snp()
        let verdict = try verdict(fixture, fixture.evidence(over: AzureFixture<SNPFixture>.reportData))
        #expect(verdict.isAccepted, "\(verdict.summary)")
        #expect(verdict.claims.reportData.count == 32)
        #expect(verdict.claims.measurements.filter { $0.name.hasPrefix("pcr") }.count == 24)
    }

    /// Positions of the parts in the bytes of the JSON, and the decoded part with one bit changed.
    private func members(_ evidence: [UInt8]) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(evidence)) as? [String: Any])
    }

    private func decoded(_ text: String) throws -> [UInt8] {
        Array(
            try #require(Data(base64Encoded: text.replacing("-", with: "+").replacing("_", with: "/"))))
    }

    private func encoded(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    }

    @Test("A flipped bit in any byte of the HCL report, quote, signature, PCRs, hardware quote or VCEK is refused")
    func flips() throws {
        func expectRefused(_ fixture: some EvidenceFixture, unchecked: Set<Int>) throws {
            let original = try members(try fixture.evidence(over: AzureFixture<SNPFixture>.reportData))
            let report = try decoded(try #require(original["hcl_report"] as? String))
            for index in report.indices {
                var changed = report
                changed[index] ^= 0x01
                var members = original
                members["hcl_report"] = encoded(changed)
                let verdict = try verdict(fixture, Array(try JSONSerialization.data(withJSONObject: members)))
                #expect(verdict.isAccepted == unchecked.contains(index), "byte \(index)")
            }
            let quote = try #require(original["tpm_quote"] as? [String: Any])
            for name in ["message", "signature"] {
                let bytes = try #require((quote[name] as? String).flatMap { [UInt8](hex: $0) })
                for index in bytes.indices {
                    var changed = bytes
                    changed[index] ^= 0x01
                    var (members, part) = (original, quote)
                    part[name] = changed.hex
                    members["tpm_quote"] = part
                    let verdict = try verdict(fixture, Array(try JSONSerialization.data(withJSONObject: members)))
                    #expect(!verdict.isAccepted, "\(name), byte \(index)")
                }
            }
            let registers = try #require(quote["pcrs"] as? [String]).map { try #require([UInt8](hex: $0)) }
            for (number, register) in registers.enumerated() {
                for index in register.indices {
                    var (members, part, changed) = (original, quote, registers)
                    changed[number][index] ^= 0x01
                    part["pcrs"] = changed.map(\.hex)
                    members["tpm_quote"] = part
                    let verdict = try verdict(fixture, Array(try JSONSerialization.data(withJSONObject: members)))
                    #expect(!verdict.isAccepted, "register \(number), byte \(index)")
                }
            }
            for name in ["td_quote", "vcek"] {
                guard let bytes = try (original[name] as? String).map(decoded) else { continue }
                // `ByteFlipTests` flips every byte of them where they are not inside Azure's evidence. Here each run flips
                // another seventh.
                for index in stride(from: Int.random(in: 0..<7), to: bytes.count, by: 7) {
                    var (members, changed) = (original, bytes)
                    changed[index] ^= 0x01
                    members[name] = encoded(changed)
                    let verdict = try verdict(fixture, Array(try JSONSerialization.data(withJSONObject: members)))
                    #expect(!verdict.isAccepted, "\(name), byte \(index)")
                }
            }
        }
        try expectRefused(AzureFixture.snp(), unchecked: [])
        // Bytes that cannot be checked outside the platform: reserved bytes, CPUSVN and the MAC of a TDREPORT, 256
        // bytes without digests and report data; and TEE_TCB_INFO's end.
        let structure = 32
        let unchecked = Set(structure + 1..<structure + 32).union(structure + 192..<structure + 256)
            .union(structure + 495..<structure + 512)
        try expectRefused(AzureFixture.tdx(), unchecked: unchecked)
    }

    @Test("Evidence in the older form is accepted: arrays of numbers, and other names for SNP")
    func numbers() throws {
        let fixture = AzureFixture.snp()
        let new = try members(try fixture.evidence(over: AzureFixture<SNPFixture>.reportData))
        let quote = try #require(new["tpm_quote"] as? [String: Any])
        func bytes(_ name: String) throws -> [Int] {
            try #require((quote[name] as? String).flatMap { [UInt8](hex: $0) }).map(Int.init)
        }
        let registers = try #require(quote["pcrs"] as? [String]).map { ([UInt8](hex: $0) ?? []).map(Int.init) }
        let leaf =
            "-----BEGIN CERTIFICATE-----\n\(Data(try fixture.hardware.certificate()).base64EncodedString())\n-----END CERTIFICATE-----"
        let old: [String: Any] = [
            "quote": ["message": try bytes("message"), "signature": try bytes("signature"), "pcrs": registers],
            "report": try decoded(try #require(new["hcl_report"] as? String)).map(Int.init), "vcek": leaf,
        ]
        var hardware = fixture
        hardware.hardware.missing = [.vcek]
        let verdict = try verdict(hardware, Array(try JSONSerialization.data(withJSONObject: old)))
        #expect(verdict.isAccepted, "\(verdict.summary)")
        // Under both names it could be read in two ways.
        for (name, value) in [
            ("hcl_report", old["report"]), ("tpm_quote", old["quote"]),
        ] {
            let both = try JSONSerialization.data(withJSONObject: old.merging([name: value as Any]) { $1 })
            #expect(try self.verdict(hardware, Array(both)).failures.map(\.code) == [.malformed], "\(name)")
        }
    }

    @Test("PCR values that do not match the digest in the quote are not reported as measurements")
    func unsignedRegisters() throws {
        var fixture = AzureFixture.snp()
        fixture.stated = fixture.registers
        fixture.stated?[4][0] ^= 1
        let evidence = try fixture.evidence(over: AzureFixture<SNPFixture>.reportData)
        let names = try verdict(fixture, evidence).claims.measurements.map(\.name)
        #expect(names.contains("measurement") && !names.contains { $0.hasPrefix("pcr") })
    }

    @Test("Evidence of one kind that contains a member of the other kind is refused")
    func otherKind() throws {
        func expectMalformed(_ fixture: some EvidenceFixture, _ name: String) throws {
            var members = try members(try fixture.evidence(over: AzureFixture<SNPFixture>.reportData))
            members[name] = "AAAA"
            let verdict = try verdict(fixture, Array(try JSONSerialization.data(withJSONObject: members)))
            #expect(verdict.failures.map(\.code) == [.malformed], "\(verdict.summary)")
        }
        try expectMalformed(AzureFixture.snp(), "td_quote")
        try expectMalformed(AzureFixture.tdx(), "vcek")
    }

    @Test("Unknown members, other encodings and other counts are refused")
    func format() throws {
        let fixture = AzureFixture.snp()
        let original = try members(try fixture.evidence(over: AzureFixture<SNPFixture>.reportData))
        let quote = try #require(original["tpm_quote"] as? [String: Any])
        let changes: [(String, (inout [String: Any]) throws -> Void)] = [
            ("an unknown member", { $0["policy"] = "" }), ("another version", { $0["version"] = 3 }),
            ("no version", { $0["version"] = nil }), ("no report", { $0["hcl_report"] = nil }),
            (
                "capitals",
                { members in
                    var part = quote
                    part["message"] = (quote["message"] as? String)?.uppercased()
                    members["tpm_quote"] = part
                }
            ),
            (
                "base64 of another alphabet",
                { members in
                    members["hcl_report"] = (members["hcl_report"] as? String)?.replacing("_", with: "/") ?? ""
                    members["vcek"] = "+/=="
                }
            ),
            (
                "no padding",
                { members in
                    members["hcl_report"] = (members["hcl_report"] as? String)?.replacing("=", with: "")
                    members["vcek"] = "AA"
                }
            ),
            (
                "23 registers",
                { members in
                    var part = quote
                    part["pcrs"] = (quote["pcrs"] as? [String])?.dropLast().map(\.self)
                    members["tpm_quote"] = part
                }
            ),
        ]
        for (name, change) in changes {
            var members = original
            try change(&members)
            let verdict = try verdict(fixture, Array(try JSONSerialization.data(withJSONObject: members)))
            #expect(verdict.failures.map(\.code) == [.malformed], "\(name): \(verdict.summary)")
        }
    }

    @Test(
        "A genuine HCL report verifies up to AMD's root and down to its TPM key, and a quote by another key is refused",
        .enabled(if: SharedFiles.exists("field/attestation/snp-hcl-report"), Comment(rawValue: SharedFiles.absence)))
    func genuineReport() throws {
        let folder = "field/attestation/snp-hcl-report"
        var members = try members(try AzureFixture.snp().evidence(over: AzureFixture<SNPFixture>.reportData))
        let report = Array(try SharedFiles.bytes("\(folder)/evidence.bin"))
        members["hcl_report"] = encoded(report)
        func verdict() throws -> Verdict {
            let request = VerificationRequest(
                tee: .azureSNP, evidence: Array(try JSONSerialization.data(withJSONObject: members)),
                collateral: try CollateralFolder.read(SharedFiles.path("\(folder)/collateral")),
                at: try #require(Timestamp(iso8601: "2025-07-01T00:00:00Z")))
            return SavedEvidenceAppraiser(policy: nil).verdict(on: request)
        }
        #expect(try verdict().failures.map(\.entry.check) == [.tpmQuoteSignature])
        // The key in the runtime data, changed.
        var changed = report
        let place = try #require(report.firstRange(of: Array(#""n":""#.utf8))).upperBound + 20
        changed[place] = changed[place] == 0x41 ? 0x42 : 0x41
        members["hcl_report"] = encoded(changed)
        #expect(try verdict().failures.map(\.entry.check) == [.runtimeData])
        // The hardware's report.
        changed = report
        changed[32 + 0x90] ^= 1
        members["hcl_report"] = encoded(changed)
        #expect(try verdict().failures.map(\.entry.check) == [.reportSignature])
    }
}
