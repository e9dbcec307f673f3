// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Testing

@Suite("Time of verification", .serialized)
struct SpeedTests {
    /// How many signatures a verification checks, which is its floor: nothing else takes as long.
    private static let signatures = [
        // Root, CA, PCK; QE report; quote; two lists; two statements, each with a signer and once more the root.
        "sgx": "13 of P-256", "tdx": "13 of P-256",
        // ARK, ASK and list; VCEK by the ASK; report.
        "snp": "4 of RSA-4096, 1 of P-384",
        // Root, zone, leaf; document.
        "nitro": "4 of P-384",
    ]

    /// The best of some runs: the others were disturbed.
    private func milliseconds(_ fixture: some EvidenceFixture) throws -> Double {
        let appraiser = SavedEvidenceAppraiser(policy: try Policy(members: fixture.policy))
        let request = try fixture.request()
        #expect(appraiser.verdict(on: request).isAccepted)
        let clock = ContinuousClock()
        let best = (0..<40).map { _ in clock.measure { _ = appraiser.verdict(on: request) } }.min() ?? .seconds(1)
        return Double(best.components.attoseconds) / 1e15 + Double(best.components.seconds) * 1000
    }

    @Test("Evidence of each TEE is verified in under 5 ms, with collateral in memory")
    func speed() throws {
        func expectFast(_ fixture: some EvidenceFixture) throws {
            let milliseconds = try milliseconds(fixture)
            let tee = fixture.tee.rawValue
            print("verification of \(tee): \(milliseconds) ms; signatures: \(Self.signatures[tee] ?? "")")
            #expect(milliseconds < 5, "\(tee)")
        }
        try expectFast(IntelFixture.sgx())
        try expectFast(IntelFixture.tdx(version: 5, is15: true))
        try expectFast(SNPFixture())
        try expectFast(NitroFixture())
    }
}
