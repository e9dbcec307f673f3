import AttestationFixtures
import Evidence
import Foundation
import Testing

@Suite("measure, and the choice of the TEE")
struct MeasureTests {
    @Test("Development's values are those that the policy command pins")
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

    @Test("Hardware's values are read from saved evidence, and elsewhere it says what is not here")
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

    @Test("serve --tee auto says what it looked for, and does not fall back to development")
    func auto() throws {
        let folder = try TemporaryFolder()
        let bundle = try Deployment(in: folder).bundle
        let outcome = try infenclave(["serve", bundle, "--tee", "auto", "--listen", "127.0.0.1:0"], in: folder)
        #expect(outcome.status == 1)
        #expect((1...2).contains(outcome.errorLines.count))
        for word in ["no TEE was found", "/dev/attestation", "/sys/kernel/config/tsm", "/dev/nsm"] {
            #expect(outcome.errors.contains(word), "\(word): \(outcome.errors)")
        }
        #expect(!outcome.errors.contains("development"))
        try expectUsage(["serve", bundle, "--tee", "auto", "--development-key", "x"], in: folder)
    }
}
