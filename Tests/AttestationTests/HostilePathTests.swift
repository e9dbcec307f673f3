// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import TestSupport
import Testing

/// Real evidence that is accepted, under policies and circumstances that must not accept it.
@Suite(
    "Verification failures of saved evidence",
    .enabled(if: Vectors.arePresent, Comment(rawValue: SharedFiles.absence)))
struct HostilePathTests {
    private func request(_ path: String, seenBefore: [String: CollateralRecord] = [:]) throws -> VerificationRequest {
        let expectation = try Vectors.expectation(path)
        let request = try VectorInput(path, expectation, at: expectation.verifyAt).request()
        return VerificationRequest(
            tee: request.tee, evidence: request.evidence, collateral: request.collateral, at: request.time,
            roots: request.roots, seenBefore: seenBefore)
    }

    private func verdict(_ path: String, _ policy: String) throws -> Verdict {
        SavedEvidenceAppraiser(policy: try Policy(json: Array(policy.utf8))).verdict(on: try request(path))
    }

    @Test(
        "Each member of a policy refuses evidence through its own check",
        arguments: [
            ("tdx/v4-uptodate", #""measurements":{"mrtd":["00"]}"#, Check.measurements),
            ("tdx/v4-uptodate", #""measurements":{"mrenclave":["00"]}"#, .measurements),
            ("tdx/v4-uptodate", #""minimumEvaluationDataNumber":1000"#, .evaluationDataNumber),
            ("tdx/v4-uptodate", #""minimumTCB":{"module":255}"#, .minimumTCB),
            ("tdx/v4-uptodate", #""minimumTCB":{"ucode":0}"#, .minimumTCB),
            ("tdx/v4-uptodate", #""reportData":"00""#, .reportData),
            ("tdx/v4-uptodate", #""maximumAgeSeconds":300"#, .age),
            ("tdx/v4-uptodate", #""nonce":"00""#, .nonce),
            ("sgx/icelake-swhardening", #""tcbStatuses":[]"#, .tcbStatus),
            ("sgx/icelake-swhardening", #""tcbStatuses":["SWHardeningNeeded"],"advisories":[]"#, .advisories),
            ("sgx/icelake-swhardening", #""tcbStatuses":["SWHardeningNeeded"],"productID":7"#, .productID),
            ("sgx/icelake-swhardening", #""tcbStatuses":["SWHardeningNeeded"],"minimumTCB":{"isvsvn":1}"#, .minimumTCB),
            ("snp/milan-v3", #""measurements":{"hostData":["01"]}"#, .measurements),
            ("snp/milan-v3", #""minimumTCB":{"microcode":255}"#, .minimumTCB),
            ("snp/milan-v3", #""minimumTCB":{"fmc":0}"#, .minimumTCB),
            ("snp/milan-v3-vlek", #""allowDebug":false"#, .vmpl),
            ("nitro/plain-2021", #""measurements":{"pcr0":["00"]}"#, .measurements),
            ("nitro/plain-2021", #""maximumAgeSeconds":1"#, .age),
            ("nitro/valid-2022", #""nonce":"00""#, .nonce),
            ("nitro/debug-2022", #""maximumVMPL":0"#, .debug),
        ])
    func policies(_ path: String, _ members: String, _ check: Check) throws {
        let tee = path.prefix { $0 != "/" }
        let refused = try verdict(path, #"{"version":2,"tee":["\#(tee)"],\#(members)}"#)
        #expect(refused.failures.map(\.entry.check) == [check])
    }

    @Test(
        "A policy for another TEE accepts no evidence",
        arguments: ["tdx/v4-uptodate", "sgx/icelake-swhardening", "snp/milan-v3", "nitro/plain-2021"])
    func otherTEE(_ path: String) throws {
        let refused = try verdict(path, #"{"version":2,"tee":["development"],"tcbStatuses":["SWHardeningNeeded"]}"#)
        #expect(refused.failures.map(\.code) == [.wrongTEE])
    }

    @Test("Correct reference values are accepted in any case and spelling of their names")
    func rightPins() throws {
        let claims = try verdict("snp/milan-v3", #"{"version":2,"tee":["snp"]}"#).claims
        let hostData = try #require(claims.measurements.first { $0.name == "host_data" }).value.hex
        for name in ["hostData", "HOST_DATA", "host-data"] {
            let policy = #"{"version":2,"tee":["snp"],"measurements":{"\#(name)":["\#(hostData)"]}}"#
            #expect(try verdict("snp/milan-v3", policy).isAccepted)
        }
    }

    @Test("Collateral older than collateral seen before is refused")
    func rolledBack() throws {
        let policy = try Policy(json: Array(#"{"version":2,"tee":["tdx"]}"#.utf8))
        let appraiser = SavedEvidenceAppraiser(policy: policy)
        let seen = appraiser.verdict(on: try request("tdx/v4-uptodate")).claims.collateral
        #expect(seen.count == 4)
        #expect(appraiser.verdict(on: try request("tdx/v4-uptodate", seenBefore: seen)).isAccepted)
        for (name, record) in seen {
            let later = [name: record.later(bySeconds: 1)]
            let refused = appraiser.verdict(on: try request("tdx/v4-uptodate", seenBefore: later))
            #expect(refused.failures.map(\.code) == [.collateralRolledBack], "\(name)")
        }
    }

    @Test("Without a policy, evidence is verified, and the verdict states that nothing was appraised")
    func withoutPolicy() throws {
        let verdict = SavedEvidenceAppraiser(policy: nil).verdict(on: try request("tdx/v4-uptodate"))
        #expect(verdict.isAccepted)
        #expect(verdict.warnings.contains { $0.contains("nothing was appraised") })
        let skipped = verdict.skipped.map(\.check)
        for check in [Check.teeAllowed, .debug, .migration, .tcbStatus, .measurements, .reportData] {
            #expect(skipped.contains(check), "\(check)")
        }
    }

    @Test("Debug mode and an unofficial root are accepted only with a warning")
    func warnings() throws {
        let debug = try verdict("nitro/debug-2022", #"{"version":2,"tee":["nitro"],"allowDebug":true}"#)
        #expect(debug.isAccepted)
        #expect(debug.warnings.contains { $0.contains("debug mode") })
        let synthetic = try verdict("sgx/synthetic-uptodate", #"{"version":2,"tee":["sgx"]}"#)
        #expect(synthetic.isAccepted)
        #expect(synthetic.warnings.contains { $0.contains("not at the vendor's") })
    }

    @Test("The host's certificate table suffices for a report, but a root from the table is not trusted")
    func certificateTable() throws {
        let path = "snp/configfs-tsm-genoa-v3"
        let expectation = try Vectors.expectation(path)
        let table = try Vectors.bytes(path, try #require(expectation.auxblob))
        let plain = try request(path)
        let policy = try Policy(json: Array(#"{"version":2,"tee":["snp"]}"#.utf8))
        func verdict(_ table: [UInt8], _ roots: TrustedRoots = .vendors) -> Verdict {
            SavedEvidenceAppraiser(policy: policy).verdict(
                on: VerificationRequest(
                    tee: .snp, evidence: plain.evidence, collateral: [.certificateTable: table], at: plain.time,
                    roots: roots))
        }
        #expect(verdict(table).isAccepted)
        let otherRoot = try TrustedRoots.dangerouslyTrust(Vectors.bytes("roots", "amd_milan_ark.pem"))
        #expect(verdict(table, otherRoot).failures.map(\.code) == [.vekChainInvalid])
        #expect(verdict([]).failures.map(\.code) == [.collateralMissing])
        for count in [1, 23, 24, 95, 100, 5000] {
            #expect(!verdict(Array(table.prefix(count))).isAccepted, "\(count) bytes")
        }
    }

    @Test("The JSON of a verdict has every key and explains every check")
    func report() throws {
        let verdict = try verdict("sgx/icelake-swhardening", #"{"version":2,"tee":["sgx"]}"#)
        let report = VerdictReport(verdict)
        #expect(report.verdict == "rejected")
        #expect(report.reasons.map(\.check) == ["tcb-status"])
        #expect(report.reasons.map(\.code) == ["tcb_status_not_allowed"])
        #expect(report.tcbStatus == "SWHardeningNeeded")
        #expect(report.explanation.count { !$0.hasPrefix(" ") } == verdict.entries.count)
        #expect(report.explanation.contains { $0.hasPrefix("FAIL  tcb-status (tcb_status_not_allowed)") })
    }
}
