// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Glibc
import Testing

@Suite("Verification time", .serialized)
struct SpeedTests {
    /// The number of signatures in a verification, which take most of its time.
    private static let signatures = [
        // Root, CA, PCK; QE report; quote; two lists; two statements, each with a signer and the root again.
        "sgx": "13 of P-256", "tdx": "13 of P-256",
        // ARK, ASK and list; VCEK by the ASK; report.
        "snp": "4 of RSA-4096, 1 of P-384",
        // Root, zone, leaf; document.
        "nitro": "4 of P-384",
    ]

    /// Processor time of this thread in milliseconds, which does not depend on the machine's other load.
    private static func processorMilliseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
    }

    /// The minimum of several runs, because other load only adds time.
    private func milliseconds(_ fixture: some EvidenceFixture) throws -> Double {
        let appraiser = SavedEvidenceAppraiser(policy: try Policy(members: fixture.policy))
        let request = try fixture.request()
        #expect(appraiser.verdict(on: request).isAccepted)
        return (0..<40).map { _ in
            let start = Self.processorMilliseconds()
            _ = appraiser.verdict(on: request)
            return Self.processorMilliseconds() - start
        }.min() ?? .infinity
    }

    @Test("Evidence of each TEE verifies in under 5 ms, with collateral in memory")
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
