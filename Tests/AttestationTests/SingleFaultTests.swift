// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import Evidence
import Testing

@Suite("Single faults")
struct SingleFaultTests {
    static let all = intel + quotes + snp + nitro + azure + logs + policies + bindings + services

    @Test("A single fault is refused by exactly one check, with the expected reason", arguments: all)
    func fault(_ fault: SingleFault) throws {
        let verdict = try fault.input().verdict()
        let (failures, isAccepted, summary) = (verdict.failures, verdict.isAccepted, verdict.summary)
        #expect(failures.map(\.entry.check) == [fault.check], "\(summary)")
        #expect(failures.map(\.code) == [fault.code])
        #expect(!isAccepted)
    }

    @Test("The faults cover each reason of each check")
    func everyReason() {
        struct Pair: Hashable { let check: Check, code: ReasonCode }
        let wanted = Set(Check.allCases.flatMap { check in check.codes.map { Pair(check: check, code: $0) } })
        let found = Set(Self.all.map { Pair(check: $0.check, code: $0.code) })
        #expect(wanted.subtracting(found).isEmpty)
        #expect(found.subtracting(wanted).isEmpty)
    }

    @Test("A check that a service policy omits must be skipped with a reason, which the verdict repeats")
    func skips() throws {
        func expectSkipped(_ fixture: some EvidenceFixture, _ names: [String: Check]) throws {
            let peer = PeerFixture(fixture)
            var members = peer.policy
            for name in names.keys { members[name] = nil }
            members["skip"] = "{" + names.keys.sorted().map { "\"\($0)\":\"no \($0)\"" }.joined(separator: ",") + "}"
            let verdict = try peer.verdict(on: peer.document(), policy: members)
            #expect(verdict.failures.map(\.code) == [])
            for (name, check) in names {
                #expect(verdict.skipped.contains { $0.check == check && $0.reason == "no \(name)" }, "\(name)")
            }
        }
        let intel = ["advisories": Check.advisories, "minimumEvaluationDataNumber": .evaluationDataNumber]
        let all = [
            "measurements": Check.measurements, "manifestDigest": .manifestDigest,
            "everythingInside": .everythingInside,
        ]
        try expectSkipped(
            IntelFixture.sgx(),
            all.merging(intel) { $1 }.merging(["productID": .productID, "minimumTCB": .minimumTCB]) { $1 })
        try expectSkipped(
            IntelFixture.tdx(), all.merging(intel) { $1 }.merging(["flags": .flags, "minimumTCB": .minimumTCB]) { $1 })
        try expectSkipped(
            SNPFixture().with { $0.list = nil },
            all.merging(["flags": .flags, "minimumTCB": .minimumTCB, "revocation": .askRevocation]) { $1 })
        try expectSkipped(NitroFixture(), all.merging(["maximumAgeSeconds": .age]) { $1 })
    }

    @Test(
        "An assessment satisfies a policy that states its gates and attacker, or omits the defaults of `assess`",
        arguments: [
            (#"{"protects":["identity","appearance"]}"#, "standard", 100_000),
            (#"{"gates":"standard"}"#, "strict", 100_000),
            (#"{"protects":["identity"],"attackerPictures":1}"#, "standard", 1),
            (#"{"gates":"strict","attackerPictures":5000}"#, "strict", 5000),
            (#"{"sha256":"DIGEST"}"#, "custom", 1),
        ])
    func assessment(demand: String, gates: String, attackerPictures: Int) throws {
        let manifest = PeerFixture<SNPFixture>.manifest(gates: gates, attackerPictures: attackerPictures)
        let peer = PeerFixture(SNPFixture(), manifest: manifest)
        var members = peer.policy
        members["assessment"] = demand.replacing("DIGEST", with: PeerFixture<SNPFixture>.digest.hex)
        let verdict = try peer.verdict(on: peer.document(), policy: members)
        #expect(verdict.failures.map(\.code) == [], "\(verdict.summary)")
    }

    @Test("Unmodified fixtures are accepted, both as saved evidence and from a service")
    func sound() throws {
        func expectAccepted(_ fixture: some EvidenceFixture) throws {
            let policy = try Policy(members: fixture.policy)
            let saved = SavedEvidenceAppraiser(policy: policy).verdict(on: try fixture.request())
            #expect(saved.failures.map(\.code) == [], "\(saved.summary)")
            let peer = PeerFixture(fixture)
            let served = try peer.verdict(on: peer.document())
            #expect(served.failures.map(\.code) == [], "\(served.summary)")
        }
        for version in [3, 4, 5] as [UInt16] { try expectAccepted(IntelFixture.sgx(version: version)) }
        for version in [4, 5] as [UInt16] { try expectAccepted(IntelFixture.tdx(version: version)) }
        try expectAccepted(IntelFixture.tdx(version: 5, is15: true))
        try expectAccepted(SNPFixture())
        try expectAccepted(NitroFixture())
        try expectAccepted(AzureFixture.snp())
        try expectAccepted(AzureFixture.tdx())
        let development = PeerFixture(DevelopmentFixture())
        #expect(try development.verdict(on: development.document(), development: .dangerouslyAccept).isAccepted)
    }
}
