// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import Evidence
import Foundation
import Testing

@Suite("The measure command, and the choice of the TEE")
struct MeasureTests {
    @Test("Development measurements equal those that the policy command pins")
    func development() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let outcome = try succeed(["measure", deployment.bundle, "--tee", "development", "--json"], in: folder)
        let measured = try #require(outcome.json as? [String: Any])
        let policy = try #require(
            try JSONSerialization.jsonObject(with: Data(bytes(of: deployment.policy))) as? [String: Any])
        for name in ["ownerPublicKey", "manifestDigest"] {
            #expect(measured[name] as? String == policy[name] as? String, "\(name)")
        }
        let pinned = (policy["measurements"] as? [String: [String]])?["development"]
        let value = try #require((measured["measurements"] as? [String: String])?["development"])
        #expect(pinned == [value])
        let text = try succeed(["measure", deployment.bundle, "--tee", "development"], in: folder).output
        #expect(text.contains("development: \(value)\n"))
    }

    @Test("Hardware measurements are read from saved evidence; without it the error names the missing device")
    func hardware() throws {
        let folder = try TemporaryFolder()
        let bundle = try Deployment(in: folder).bundle
        func measured(_ fixture: some EvidenceFixture) throws -> [String: String]? {
            let file = try folder.write(
                fixture.evidence(over: [UInt8](repeating: 0, count: 64)), to: "\(fixture.tee.rawValue).bin")
            let outcome = try succeed(
                ["measure", bundle, "--tee", fixture.tee.rawValue, "--evidence", file, "--json"], in: folder)
            #expect(outcome.errors.contains("nothing was verified"))
            return (outcome.json as? [String: Any])?["measurements"] as? [String: String]
        }
        func repeated(_ byte: UInt8, _ count: Int) -> String { [UInt8](repeating: byte, count: count).hex }
        #expect(try measured(IntelFixture.sgx())?["mrenclave"] == repeated(0xE1, 32))
        #expect(try measured(IntelFixture.tdx())?["mrtd"] == repeated(0xD2, 48))
        #expect(try measured(SNPFixture())?["measurement"] == repeated(0xB1, 48))
        #expect(try measured(NitroFixture())?["pcr0"] == repeated(0xF0, 48))
        try expectRefused(
            ["measure", bundle, "--tee", "sgx", "--evidence", folder.file("tdx.bin")], naming: "not of sgx", in: folder)
        for (tee, word) in [("sgx", "Gramine"), ("tdx", "tsm"), ("snp", "tsm"), ("nitro", "/dev/nsm")] {
            try expectRefused(["measure", bundle, "--tee", tee], naming: word, in: folder)
        }
        try expectUsage(["measure", bundle, "--tee", "arm"], in: folder)
    }

    /// The policy that `policy` writes for a hardware fixture, from the output of `measure` for its evidence.
    private func pinned(
        _ fixture: some EvidenceFixture, _ bundle: String, _ more: [String], in folder: TemporaryFolder
    ) throws -> (file: String, measured: String) {
        let name = fixture.tee.rawValue
        let zeros = [UInt8](repeating: 0, count: 64)
        let evidence = try folder.write(fixture.evidence(over: zeros), to: "\(name).bin")
        let outcome = try succeed(
            ["measure", bundle, "--tee", name, "--evidence", evidence, "--json"], in: folder)
        let measured = try folder.write(outcome.output, to: "\(name).measured.json")
        let file = folder.file("\(name).policy.json")
        try succeed(["policy", bundle, "--tee", name, "--measured", measured, "--out", file] + more, in: folder)
        return (file, measured)
    }

    @Test("A hardware policy accepts the measured enclave, leaves nothing open, and refuses any other enclave")
    func hardwarePolicies() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let bundle = deployment.bundle
        let manifest = try bytes(of: bundle + "/manifest.json")
        let core = try ManifestCore(decoding: try bytes(of: bundle + "/manifest.core"))
        let facts = try EnclaveFacts(
            frontNetDigest: try #require(core.part(.frontNet)).digest,
            mappingUnitDigest: try #require(core.part(.mappingUnit)).digest,
            state: .provisioned(.init(sequence: 1, seconds: 60, secondsLeft: 50), core.service)
        ).encoded()
        let key = String(decoding: try bytes(of: deployment.ownerKey), as: UTF8.self)
        let seed = try #require(
            Data(base64Encoded: key.trimmingCharacters(in: .newlines).split(separator: ":").last.map(String.init) ?? "")
        )
        let owner = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        func reasons<Fixture: EvidenceFixture>(_ fixture: Fixture, _ policy: Policy) throws -> [ReasonCode] {
            var peer = PeerFixture(fixture, owner: owner)
            peer.manifest = manifest
            (peer.manifestCore, peer.facts) = (core.encoded(), facts)
            let appraiser = Appraiser(policy: policy)
            let (document, collateral, roots) = (try peer.document(), try fixture.collateral(), try fixture.roots())
            do throws(AttestationError) {
                _ = try appraiser.verify(
                    document, nonce: peer.nonce, at: Period.now, collateral: collateral, roots: roots)
                return []
            } catch { return error.verdict?.failures.map(\.code) ?? [] }
        }
        func check<Fixture: EvidenceFixture>(
            _ fixture: Fixture, _ more: [String] = [], other: Fixture, older: Fixture?
        ) throws {
            let (file, _) = try pinned(fixture, bundle, more, in: folder)
            let policy = try Policy(json: try bytes(of: file))
            #expect(try reasons(fixture, policy) == [], "\(fixture.tee)")
            #expect(try reasons(other, policy) == [.measurementMismatch], "\(fixture.tee)")
            if let older { #expect(try reasons(older, policy) == [.tcbStatusNotAllowed], "\(fixture.tee)") }
        }
        let intel = ["--minimum-evaluation-data-number", "17"]
        try check(
            IntelFixture.sgx(), intel, other: .sgx().with { $0.body[64] ^= 1 },
            older: .sgx().with { $0.body.put([2], at: 258) })
        try check(IntelFixture.tdx(), intel, other: .tdx().with { $0.body[136] ^= 1 }, older: nil)
        try check(
            SNPFixture(), other: SNPFixture().with { $0.report[0x90] ^= 1 },
            older: SNPFixture().with { $0.report.put([1], at: 4) })
        try check(AzureFixture.snp(), other: .snp().with { $0.registers[2][0] ^= 1 }, older: nil)
        try check(AzureFixture.tdx(), intel, other: .tdx().with { $0.registers[12][0] ^= 1 }, older: nil)
        try check(NitroFixture(), other: NitroFixture().with { $0.registers[1][0] ^= 1 }, older: nil)
    }

    @Test(
        "A hardware policy needs nonzero measurements of the same bundle and TEE, and an evaluation data number")
    func hardwarePolicyRefusals() throws {
        let folder = try TemporaryFolder()
        let bundle = try Deployment(in: folder).bundle
        let other = try Deployment(cuts: Demo.everythingInside, name: "other", in: folder).bundle
        let out = folder.file("policy.json")
        let (_, measured) = try pinned(SNPFixture(), bundle, [], in: folder)
        func refuse(_ bundle: String, _ tee: String, _ more: [String], _ word: String) throws {
            let outcome = try infenclave(["policy", bundle, "--tee", tee, "--out", out] + more, in: folder)
            #expect(outcome.status == 1, "\(outcome.errors)")
            #expect((1...2).contains(outcome.errorLines.count), "\(outcome.errors)")
            #expect(outcome.errors.contains(word), "\(outcome.errors)")
        }
        try refuse(bundle, "snp", [], "--measured")
        try refuse(other, "snp", ["--measured", measured], "another TEE, owner or bundle")
        try refuse(bundle, "nitro", ["--measured", measured], "another TEE, owner or bundle")
        try refuse(bundle, "snp", ["--measured", try folder.write("{}", to: "empty.json")], "measure --json")
        let sgx = IntelFixture.sgx()
        let evidence = try folder.write(sgx.evidence(over: [UInt8](repeating: 0, count: 64)), to: "sgx.bin")
        let outcome = try succeed(["measure", bundle, "--tee", "sgx", "--evidence", evidence, "--json"], in: folder)
        let file = try folder.write(outcome.output, to: "sgx.measured.json")
        try refuse(bundle, "sgx", ["--measured", file], "--minimum-evaluation-data-number")
        let cut = try folder.write(
            outcome.output.replacing("mrenclave", with: "mrother"), to: "cut.measured.json")
        try refuse(
            bundle, "sgx", ["--measured", cut, "--minimum-evaluation-data-number", "17"], "no value for mrenclave")
        // A register that is never extended has the same value whatever runs.
        func refuseZero(_ fixture: some EvidenceFixture, _ more: [String], _ word: String) throws {
            let tee = fixture.tee.rawValue
            let evidence = try folder.write(fixture.evidence(over: [UInt8](repeating: 0, count: 64)), to: "zero.bin")
            let outcome = try succeed(["measure", bundle, "--tee", tee, "--evidence", evidence, "--json"], in: folder)
            let file = try folder.write(outcome.output, to: "zero.json")
            try refuse(bundle, tee, ["--measured", file] + more, word)
        }
        let number = ["--minimum-evaluation-data-number", "17"]
        let zeros = [UInt8](repeating: 0, count: 48)
        try refuseZero(IntelFixture.tdx().with { $0.body.put(zeros, at: 328 + 48) }, number, "rtmr1 is zero")
        try refuseZero(
            AzureFixture.snp().with { $0.registers[4] = [UInt8](repeating: 0, count: 32) }, [], "pcr4 is zero")
        #expect(!FileManager.default.fileExists(atPath: out))
        // PCRs that the TPM did not sign are not valid reference values.
        let azure = AzureFixture.snp().with {
            $0.stated = $0.registers
            $0.stated?[4][0] ^= 1
        }
        let changed = try folder.write(azure.evidence(over: [UInt8](repeating: 0, count: 64)), to: "azure.bin")
        try expectRefused(
            ["measure", bundle, "--tee", "az-snp", "--evidence", changed], naming: "TPM's quote", in: folder)
        try expectUsage(["policy", bundle, "--tee", "development", "--measured", measured, "--out", out], in: folder)
        try expectUsage(
            ["policy", bundle, "--tee", "snp", "--minimum-evaluation-data-number", "1", "--out", out], in: folder)
    }

    @Test("measure prints every component of an SNP platform's TCB, and its flags")
    func platformVersions() throws {
        let folder = try TemporaryFolder()
        let bundle = try Deployment(in: folder).bundle
        let (_, file) = try pinned(SNPFixture(), bundle, [], in: folder)
        let measured = try #require(JSONSerialization.jsonObject(with: Data(bytes(of: file))) as? [String: Any])
        #expect(
            measured["securityVersions"] as? [String: Int]
                == ["bl": 4, "tee": 0, "snp": 24, "ucode": 219, "guestsvn": 2])
        #expect((measured["flags"] as? [String: Bool])?["aliasCheck"] == true)
    }

    @Test("serve --tee auto states what it looked for, and does not fall back to development")
    func auto() throws {
        let folder = try TemporaryFolder()
        let bundle = try Deployment(in: folder).bundle
        let outcome = try infenclave(
            ["serve", bundle, "--tee", "auto", "--listen", "127.0.0.1:0", "--admin-listen", "none"], in: folder)
        #expect(outcome.status == 1)
        #expect((1...2).contains(outcome.errorLines.count))
        for word in ["no TEE was found", "/dev/attestation", "/sys/kernel/config/tsm", "/dev/nsm"] {
            #expect(outcome.errors.contains(word), "\(word): \(outcome.errors)")
        }
        #expect(!outcome.errors.contains("development"))
        try expectUsage(["serve", bundle, "--tee", "auto", "--development-key", "x"], in: folder)
    }
}
