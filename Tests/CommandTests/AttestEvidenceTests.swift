// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Foundation
import Synchronization
import TestSupport
import Testing

/// Saved evidence in a folder, as a person has it.
private struct Saved<Fixture: EvidenceFixture> {
    let fixture: Fixture
    let folder: TemporaryFolder
    let evidence, collateral, policy: String
    let root: String

    init(_ fixture: Fixture, root: [UInt8], in folder: TemporaryFolder) throws {
        self.fixture = fixture
        self.folder = folder
        let name = "\(fixture.tee.rawValue)-\(UUID().uuidString.prefix(6))"
        evidence = try folder.write(fixture.evidence(over: Fixture.reportData), to: "\(name).bin")
        collateral = try writeCollateral(fixture.collateral(), to: name, in: folder)
        policy = try fixture.writePolicy(to: "\(name).json", in: folder)
        self.root = try folder.write(root, to: "\(name).pem")
    }

    /// - Parameter collateral: Whether it is given.
    func attest(_ more: [String] = [], policy: String? = nil, collateral: Bool = true, tee: String? = nil) throws
        -> Outcome
    {
        try infenclave(
            [
                "attest", "--evidence", evidence, "--tee", tee ?? fixture.tee.rawValue, "--at", "2026-06-01T00:00:00Z",
                "--dangerously-trust-root", root, "--policy", policy ?? self.policy,
            ] + (collateral ? ["--collateral", self.collateral] : []) + more, in: folder)
    }
}

@Suite("attest on saved evidence")
struct AttestEvidenceTests {
    private static let keys: Set<String> = [
        "tee", "verdict", "reasons", "tcbStatus", "tcbDate", "advisories", "debug", "reportData", "measurement",
        "measurements", "securityVersions", "skipped", "warnings",
    ]

    private func expectBothVerdicts<Fixture: EvidenceFixture>(
        _ fixture: Fixture, root: [UInt8], needsCollateral: Bool = true
    ) throws {
        let saved = try Saved(fixture, root: root, in: try TemporaryFolder())
        let accepted = try saved.attest(["--json", "--report-data", Fixture.reportData.hex])
        #expect(accepted.status == 0, "\(accepted.output)\(accepted.errors)")
        let answer = try #require(accepted.json as? [String: Any])
        #expect(Set(answer.keys) == Self.keys)
        #expect(answer["tee"] as? String == fixture.tee.rawValue)
        #expect(answer["verdict"] as? String == "accepted")
        #expect((answer["reasons"] as? [Any])?.isEmpty == true)
        #expect(answer["reportData"] as? String == Fixture.reportData.hex)
        #expect(answer["debug"] as? Bool == false)
        #expect((answer["measurements"] as? [String: String])?.isEmpty == false)
        #expect((answer["warnings"] as? [String])?.contains { $0.contains("not at the vendor's") } == true)

        let other = try saved.attest(["--json", "--report-data", "00"])
        #expect(other.status == 1)
        let reasons = (other.json as? [String: Any])?["reasons"] as? [[String: Any]]
        #expect(reasons?.map { $0["check"] as? String } == ["report-data"])
        #expect(reasons?.first?["code"] as? String == "report_data_mismatch")
        #expect((reasons?.first?["message"] as? String)?.isEmpty == false)

        let explained = try saved.attest(["--explain"])
        #expect(explained.status == 0)
        let text = explained.output
        #expect(text.contains("\(fixture.tee.rawValue) evidence accepted"))
        for check in ["pass  evidence-format", "pass  measurements", "skip  report-data", "because "] {
            #expect(text.contains(check), "\(check)")
        }
        guard needsCollateral else { return }
        let without = try saved.attest(["--explain"], collateral: false)
        #expect(without.status == 1)
        #expect(without.output.contains("(collateral_missing)"))
        #expect(without.output.contains("remedy: get the missing files"))
    }

    @Test("Evidence of each TEE is accepted or refused with the right exit code, JSON and explanation")
    func verdicts() throws {
        let (sgx, tdx, snp, nitro) = (IntelFixture.sgx(), IntelFixture.tdx(), SNPFixture(), NitroFixture())
        try expectBothVerdicts(sgx, root: sgx.root())
        try expectBothVerdicts(tdx, root: tdx.root())
        try expectBothVerdicts(snp, root: snp.root())
        try expectBothVerdicts(nitro, root: nitro.root(), needsCollateral: false)
    }

    @Test("Without a policy the command prints the claims and states that nothing was appraised")
    func withoutPolicy() throws {
        let folder = try TemporaryFolder()
        let fixture = IntelFixture.sgx()
        let saved = try Saved(fixture, root: fixture.root(), in: folder)
        let outcome = try infenclave(
            [
                "attest", "--evidence", saved.evidence, "--tee", "sgx", "--at", "2026-06-01", "--collateral",
                saved.collateral, "--dangerously-trust-root", saved.root,
            ], in: folder)
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("nothing was appraised"))
        #expect(outcome.output.contains("mrenclave: \([UInt8](repeating: 0xE1, count: 32).hex)"))
        #expect(outcome.output.contains("not checked: measurements"))
    }

    @Test("The same evidence is refused without the test root, at another time, and for another TEE")
    func refusals() throws {
        let folder = try TemporaryFolder()
        let fixture = IntelFixture.tdx()
        let saved = try Saved(fixture, root: fixture.root(), in: folder)
        func codes(_ arguments: [String]) throws -> [String] {
            let outcome = try infenclave(["attest", "--evidence", saved.evidence, "--json"] + arguments, in: folder)
            #expect(outcome.status == 1)
            let reasons = (outcome.json as? [String: Any])?["reasons"] as? [[String: Any]]
            return reasons?.compactMap { $0["code"] as? String } ?? []
        }
        let given = ["--collateral", saved.collateral]
        let trusted = given + ["--dangerously-trust-root", saved.root]
        #expect(try codes(["--tee", "tdx", "--at", "2026-06-01"] + given) == ["untrusted_root"])
        #expect(try codes(["--tee", "tdx", "--at", "2027-06-01"] + trusted) == ["cert_expired"])
        #expect(try codes(["--tee", "tdx", "--at", "2025-06-01"] + trusted) == ["cert_not_yet_valid"])
        #expect(try codes(["--tee", "sgx", "--at", "2026-06-01"] + trusted) == ["wrong_tee"])
    }

    @Test("The PCCS is also used for saved quotes; an invalid time, report data, folder or root is refused")
    func sources() throws {
        let folder = try TemporaryFolder()
        let fixture = IntelFixture.tdx()
        let saved = try Saved(fixture, root: fixture.root(), in: folder)
        let cache = try collateralCache(fixture)
        #expect(try saved.attest(["--pccs", cache.url], collateral: false).status == 0)
        #expect(cache.paths.count == 4)
        let start = ["attest", "--evidence", saved.evidence, "--tee", "tdx"]
        try expectUsage(start + ["--at", "yesterday"], in: folder)
        try expectUsage(start + ["--report-data", "xyz"], in: folder)
        try expectUsage(["attest", "--evidence", saved.evidence, "--tee", "development"], in: folder)
        try expectUsage(["attest", "--server", cache.url, "--policy", saved.policy, "--at", "2026-06-01"], in: folder)
        try expectRefused(start + ["--collateral", folder.file("none")], naming: "none", in: folder)
        try expectRefused(start + ["--dangerously-trust-root", saved.policy], naming: "root", in: folder)
        try expectRefused(start + ["--pccs", "nowhere"], naming: "nowhere", in: folder)
        try expectRefused(start + ["--policy", saved.root], naming: "policy", in: folder)
    }

    @Test("A live server gets a hardware verdict, and the PCCS is queried for the platform of its quote")
    func server() throws {
        let folder = try TemporaryFolder()
        let fixture = IntelFixture.tdx()
        let peer = PeerFixture(fixture)
        let (server, cache) = (try evidenceServer(peer), try collateralCache(fixture))
        defer { withExtendedLifetime((server, cache)) {} }
        let policy = try fixture.writePolicy(peer.policy, to: "policy.json", in: folder)
        let outcome = try infenclave(
            ["attest", "--server", server.url, "--policy", policy, "--pccs", cache.url, "--json"], in: folder)
        #expect(outcome.status == 1)
        let answer = try #require(outcome.json as? [String: Any])
        // The commands trust the vendors' roots for servers, whatever is asked for.
        #expect((answer["reasons"] as? [[String: Any]])?.map { $0["code"] as? String } == ["untrusted_root"])
        #expect(cache.paths.count == 4)
    }

    @Test(
        "The dates of accepted collateral are stored, and the next command refuses older collateral",
        .enabled(if: SharedFiles.exists("vectors/attestation/index.json"), Comment(rawValue: SharedFiles.absence)))
    func keptHistory() throws {
        let folder = try TemporaryFolder()
        @Sendable func vector(_ file: String) -> String {
            SharedFiles.path("vectors/attestation/tdx/v4-uptodate/\(file)")
        }
        let collateral = try folder.makeFolder("collateral")
        let files = [
            "tcb_info.json": "tcb_info.json", "qe_identity.json": "qe_identity.json", "pck_crl.der": "pck_crl.der",
            "root_ca_crl.der": "root_ca_crl.der", "tcb_info_issuer_chain.pem": "tcb_issuer_chain.pem",
            "qe_identity_issuer_chain.pem": "tcb_issuer_chain.pem",
        ]
        for (name, file) in files { try folder.write(bytes(of: vector(file)), to: "collateral/\(name)") }
        let policy = try folder.write(#"{"version":2,"tee":["tdx"]}"#, to: "policy.json")
        let history = folder.file("history.json")
        @Sendable func attest() throws -> Outcome {
            try infenclave(
                [
                    "attest", "--evidence", vector("quote.bin"), "--tee", "tdx", "--at", "2025-07-04T10:16:31Z",
                    "--collateral", collateral, "--policy", policy, "--collateral-history", history,
                ], in: folder)
        }
        #expect(try attest().status == 0)
        let kept = String(decoding: try bytes(of: history), as: UTF8.self)
        for name in ["root_ca_crl", "pck_crl/", "tcb_info/tdx/b0c06f000000", "qe_identity/tdx"] {
            #expect(kept.contains("\"\(name)"), "\(name)")
        }
        #expect(try attest().status == 0)
        // As if newer collateral had been accepted in between.
        try folder.write(kept.replacing("\"2025-", with: "\"2026-"), to: "history.json")
        let older = try attest()
        #expect(older.status == 1)
        #expect(older.output.contains("collateral_rolled_back"))
        #expect(
            try folder.contents().filter { $0.contains("history") }.sorted() == ["history.json", "history.json.lock"])

        // What a rejecting policy saw is kept, too.
        try FileManager.default.removeItem(atPath: history)
        let accepting = try bytes(of: policy)
        try folder.write(
            #"{"version":2,"tee":["tdx"],"measurements":{"mrtd":["\#(String(repeating: "00", count: 48))"]}}"#,
            to: "policy.json")
        #expect(try attest().status == 1)
        #expect(String(decoding: try bytes(of: history), as: UTF8.self) == kept)
        try folder.write(accepting, to: "policy.json")

        // An older evaluation of Intel's counts as older even if signed later.
        try folder.write(
            kept.replacing(#/("tcb_info/tdx/b0c06f000000" : )\d+/#) { "\($0.output.1)100000" }, to: "history.json")
        let reissued = try attest()
        #expect(reissued.status == 1)
        #expect(reissued.output.contains("collateral_rolled_back"))
        #expect(reissued.output.contains("evaluation data number 100000"))

        // Another command holds the lock and has something newer to write: both are kept.
        try folder.write("{\"version\":1,\"dates\":{}}", to: "history.json")
        let lock = open(history + ".lock", O_RDWR | O_CLOEXEC)
        #expect(flock(lock, LOCK_EX) == 0)
        let status = Mutex<Int?>(nil)
        let isDone = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let found = (try? attest())?.status
            status.withLock { $0 = found }
            isDone.signal()
        }
        sleep(1)
        #expect(!String(decoding: try bytes(of: history), as: UTF8.self).contains("root_ca_crl"))
        try folder.write("{\"version\":1,\"dates\":{\"crl/ARK-Milan\":\"2026-01-01T00:00:00Z\"}}", to: "history.json")
        close(lock)
        isDone.wait()
        #expect(status.withLock(\.self) == 0)
        let both = String(decoding: try bytes(of: history), as: UTF8.self)
        #expect(both.contains("crl/ARK-Milan") && both.contains("root_ca_crl"))
    }

    @Test("A collateral history causes older collateral to be refused, and a damaged history is refused")
    func history() throws {
        let folder = try TemporaryFolder()
        let fixture = SNPFixture()
        let saved = try Saved(fixture, root: fixture.root(), in: folder)
        let file = folder.file("history.json")
        // Under another root nothing is remembered.
        #expect(try saved.attest(["--collateral-history", file]).status == 0)
        #expect(!FileManager.default.fileExists(atPath: file))
        try folder.write(#"{"version":1,"dates":{"crl/ARK-Milan":"2026-01-01T00:00:00Z"}}"#, to: "history.json")
        #expect(try saved.attest(["--collateral-history", file]).status == 0)
        try folder.write(#"{"version":1,"dates":{"crl/ARK-Milan":"2026-01-01T00:00:01Z"}}"#, to: "history.json")
        let older = try saved.attest(["--collateral-history", file])
        #expect(older.status == 1)
        #expect(older.output.contains("collateral_rolled_back"))
        try folder.write("{", to: "history.json")
        let damaged = try saved.attest(["--collateral-history", file])
        #expect(damaged.status == 1)
        #expect(damaged.errors.contains("history.json is not a list of collateral that was seen"))
    }
}
