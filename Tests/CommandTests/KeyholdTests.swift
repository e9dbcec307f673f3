// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Foundation
import InfenclaveClient
import KeyRelease
import SealedChannel
import Synchronization
import Testing

/// A keyholder with a clock and a memory of collateral of the test's own.
private final class TestKeyholder: Sendable {
    private struct State {
        var now = 1_800_000_000.0
        var entries: [LogEntry] = []
        var seen: [String: CollateralRecord] = [:]
    }

    private final class Box: Sendable { let state = Mutex(State()) }

    private let keyholder: Keyholder
    private let server: WatchedServer
    private let box = Box()

    init<Fixture: EvidenceFixture>(
        _ service: AttestedService<Fixture>, policy: String, folder: TemporaryFolder,
        terms: ReleaseTerms = ReleaseTerms(leaseSeconds: 3600)
    ) throws {
        let (owner, fixture) = service.change { ($0.owner, $0.fixture) }
        let (url, box) = (service.url, box)
        keyholder = try Keyholder(
            policy: policy, clients: ClientFolder(folder.file("clients"), requests: 100, requestsPerMinute: 10),
            modelKey: try ModelKey(contentsOf: owner.deployment.modelKey), ownerKey: owner.key, terms: terms,
            log: folder.file("keyhold.log"), now: { box.state.withLock(\.now) },
            say: { entry in box.state.withLock { $0.entries.append(entry) } })
        server = WatchedServer(
            url: url, saysReady: { try await InfenclaveClient(server: url, policy: Policy(tee: [])).saysReady($0) },
            attest: { policy, place in
                let client = try InfenclaveClient(
                    server: url, policy: policy, development: .dangerouslyAccept,
                    collateral: CollateralSources(files: try fixture.collateral()), roots: try fixture.roots())
                return try await client.attest(
                    at: Period.now, seenBefore: box.state.withLock(\.seen), place: place)
            })
    }

    func look() async throws { _ = try await keyholder.look(at: server) }
    func advance(_ seconds: Double) { box.state.withLock { $0.now += seconds } }
    /// What was seen of collateral before.
    func remember(_ records: [String: CollateralRecord]) { box.state.withLock { $0.seen = records } }

    var entries: [LogEntry] { box.state.withLock(\.entries) }
    var events: [LogEntry.Event] { entries.map(\.event) }
}

@Suite("A keyholder")
struct KeyholdTests {
    private let folder: TemporaryFolder
    private let owner: ServiceOwner

    init() throws {
        folder = try TemporaryFolder()
        owner = try ServiceOwner(in: folder)
        _ = try folder.makeFolder("clients")
        try AccessToken.random().write(to: folder.file("clients/alice.token"))
    }

    private func setUp(
        _ fixture: SNPFixture = SNPFixture(), terms: ReleaseTerms = ReleaseTerms(leaseSeconds: 3600)
    ) throws -> (AttestedService<SNPFixture>, TestKeyholder) {
        let service = try AttestedService(owner, fixture)
        let policy = try owner.writePolicy(SNPFixture())
        return (service, try TestKeyholder(service, policy: policy, folder: folder, terms: terms))
    }

    @Test("The keyholder provisions an enclave that matches the policy, once, with the clients of its folder")
    func provisions() async throws {
        try folder.write(#"{"requests": 7}"#, to: "clients/alice.json")
        try AccessToken.random().write(to: folder.file("clients/bob.token"))
        let (service, keyholder) = try setUp()
        for _ in 0..<3 { try await keyholder.look() }
        #expect(service.received.count == 1)
        let message = try #require(service.change { $0.provisioned })
        #expect(Set(message.clients.map(\.requests)) == [7, 100])
        #expect(message.terms.leaseSeconds == 3600)
        #expect(keyholder.events == [.policy, .release, .delivered])
        let release = keyholder.entries[1]
        #expect(release.cause == .unprovisioned && release.clients == 2 && release.server == service.url)
        #expect(try LogReader.read(folder.file("keyhold.log")).count == 3)
    }

    @Test(
        "Nothing is released to a service that does not match the policy, and each refusal is logged with its reason",
        arguments: ["measurement", "debug", "collateral", "manifest", "owner"])
    func refuses(what: String) async throws {
        var fixture = SNPFixture()
        switch what {
        case "measurement": fixture.report.put([UInt8](repeating: 0xB7, count: 48), at: 0x90)
        case "debug": fixture.report.put([0, 0, 0xB, 0, 0, 0, 0, 0], at: 8)
        default: break
        }
        let (service, keyholder) = try setUp(fixture)
        switch what {
        case "collateral":
            // A newer revocation list was seen before.
            let client = try InfenclaveClient(
                server: service.url,
                policy: try SignedPolicy(folder.file("signed.json"), owner: owner.key.publicKey).policy,
                collateral: CollateralSources(files: try fixture.collateral()), roots: try fixture.roots())
            let records = try await client.attest(at: Period.now, seenBefore: [:]).peer.verdict.claims.collateral
            try #require(!records.isEmpty)
            keyholder.remember(records.mapValues { $0.later(bySeconds: 86_400) })
        case "manifest":
            let other = try ServiceOwner(in: folder, name: "second")
            service.change { $0.owner = other }
        case "owner":
            let other = try ServiceOwner(in: try TemporaryFolder(), seed: [UInt8](repeating: 8, count: 32))
            service.change { $0.owner = other }
        default: break
        }
        for _ in 0..<2 { try await keyholder.look() }
        #expect(service.received.isEmpty)
        let refusals = keyholder.entries.filter { $0.event == .refusal }
        #expect(refusals.count == 2 && keyholder.events.filter { $0 == .release }.isEmpty)
        let codes = [
            "measurement": "measurement_mismatch", "debug": "debug_enabled", "collateral": "collateral_rolled_back",
            "manifest": "manifest_mismatch", "owner": "owner_key_mismatch",
        ]
        #expect(
            refusals.allSatisfy { $0.code?.split(separator: ",").first.map(String.init) == codes[what] }, "\(refusals)")
        #expect(refusals.allSatisfy { $0.reason?.isEmpty == false })
    }

    @Test(
        "Frequent restarts get at most the hourly number of releases; the rest are logged, and the next hour has more")
    func flood() async throws {
        let (service, keyholder) = try setUp(terms: ReleaseTerms(leaseSeconds: 3600, releasesPerHour: 3))
        for _ in 0..<8 {
            try await keyholder.look()
            try service.restart()
        }
        #expect(service.received.count == 3)
        #expect(keyholder.entries.filter { $0.code == "too_many_releases" }.count == 5)
        keyholder.advance(3601)
        try await keyholder.look()
        #expect(service.received.count == 4)
    }

    @Test("Every message demands an audit, its counts are logged, and so is a host that withholds them")
    func audits() async throws {
        let owner = try ServiceOwner(in: folder, name: "cut", cuts: Demo.cuts)
        let service = try AttestedService(owner, SNPFixture())
        let keyholder = try TestKeyholder(
            service,
            policy: try owner.writePolicy(
                SNPFixture(), ["maximumBoundaryBytes": "6144"], without: ["everythingInside"]), folder: folder,
            terms: ReleaseTerms(
                leaseSeconds: 3600, audit: AuditDemand(share: 50_000, tolerance: nil, mismatches: 3)))
        func endLease() {
            service.change { $0.facts = .leaseEnded }
            keyholder.advance(3601)
        }
        service.change { $0.statistics = AuditStatistics() }
        try await keyholder.look()
        #expect(service.change { $0.provisioned }?.terms.audit == AuditTerms(share: 50_000, mismatches: 3))
        #expect(keyholder.entries.last?.event == .delivered && keyholder.entries.last?.audit?.wrong == 0)

        service.change {
            $0.statistics?.results = 40
            $0.statistics?.audited = 3
            $0.statistics?.mismatches = 2
            $0.statistics?.withoutHost = 1
        }
        endLease()
        try await keyholder.look()
        #expect(service.change { $0.provisioned }?.terms.audit?.mismatches == 3)
        let found = try #require(keyholder.entries.last?.audit)
        #expect([found.results, found.audited, found.wrong, found.withoutHost] == [40, 3, 2, 1])

        service.change { $0.statistics = nil }
        endLease()
        try await keyholder.look()
        #expect(keyholder.entries.last?.event == .undelivered)
        #expect(keyholder.entries.last?.reason?.contains("lacks the audit's statistics") == true)
        // What was written is read again.
        var read: [LogEntry] = []
        _ = try LogReader.read(folder.file("keyhold.log")) { entry, _ in read.append(entry) }
        #expect(read == keyholder.entries)
    }

    @Test("With everything inside the host computes no result, and no audit is demanded")
    func noAudit() async throws {
        let terms = ReleaseTerms(
            leaseSeconds: 3600, audit: AuditDemand(share: 50_000, tolerance: nil, mismatches: 3))
        let (service, keyholder) = try setUp(terms: terms)
        try await keyholder.look()
        let message = try #require(service.change { $0.provisioned })
        #expect(message.terms.audit == nil && keyholder.events.last == .delivered)
    }

    @Test(
        "Until a message's arrival is confirmed, the same bytes are sent again and never others",
        arguments: [true, false])
    func sendsAgain(keeps: Bool) async throws {
        let (service, keyholder) = try setUp()
        service.change { $0.reception = keeps ? .keeps : .drops }
        for _ in 0..<3 { try await keyholder.look() }
        #expect(service.received.count == 3)
        #expect(Set(service.received.map(\.bytes)).count == 1)
        #expect(keyholder.events.filter { $0 == .release }.count == 1)
        #expect(keyholder.events.filter { $0 == .repeated }.count == 2)
        service.change { $0.reception = .takes }
        try await keyholder.look()
        try await keyholder.look()
        #expect(Set(service.received.map(\.bytes)).count == 1)
        #expect(service.change { $0.provisioned } != nil)
    }

    @Test("An expiring or expired lease and a changed client list are renewed with a higher sequence number")
    func renews() async throws {
        let (service, keyholder) = try setUp()
        try await keyholder.look()
        let first = try #require(service.change { $0.provisioned })
        // A quarter is left.
        keyholder.advance(2700)
        service.change { state in
            guard case .provisioned(let lease, let facts) = state.facts else { return }
            state.facts = .provisioned(.init(sequence: lease.sequence, seconds: 3600, secondsLeft: 900), facts)
        }
        try await keyholder.look()
        let second = try #require(service.change { $0.provisioned })
        #expect(second.terms.sequence > first.terms.sequence)
        keyholder.advance(3600)
        service.change { $0.facts = .leaseEnded }
        try await keyholder.look()
        let third = try #require(service.change { $0.provisioned })
        #expect(third.terms.sequence > second.terms.sequence)

        try AccessToken.random().write(to: folder.file("clients/carol.token"))
        try await keyholder.look()
        #expect(service.change { $0.provisioned }?.clients.count == 2)
        try FileManager.default.removeItem(atPath: folder.file("clients/alice.token"))
        try await keyholder.look()
        let last = try #require(service.change { $0.provisioned })
        #expect(last.clients.map(\.token) == [try AccessToken(contentsOf: folder.file("clients/carol.token")).digest])
        #expect(
            keyholder.entries.filter { $0.event == .release }.map(\.cause) == [
                .unprovisioned, .lease, .lease, .clients, .clients,
            ])
        // With an unreadable token the previous list stays, and the log states why, once.
        try folder.write("no token", to: "clients/dave.token")
        for _ in 0..<3 { try await keyholder.look() }
        #expect(keyholder.entries.filter { $0.event == .refusal }.map(\.code) == ["clients"])
        #expect(service.received.count == 5)
    }

    @Test("A policy is replaced only by a newer one with the owner's signature; otherwise the current one stays")
    func policies() async throws {
        let (service, keyholder) = try setUp()
        let path = folder.file("signed.json")
        let good = try bytes(of: path)
        let signature = try bytes(of: path + ".sig")
        // A writer of the file without the owner's key tries to release the model to any code.
        var members = try owner.peer(SNPFixture()).policy
        members["assessment"] = nil
        members["measurements"] = #"{"measurement":["\#([UInt8](repeating: 0xEE, count: 48).hex)"]}"#
        _ = try SNPFixture().writePolicy(members, to: "signed.json", in: folder)
        try await keyholder.look()
        #expect(keyholder.entries.filter { $0.event == .refusal }.map(\.code) == ["policy"])
        #expect(service.received.count == 1)
        // The owner's own change.
        try SignedPolicy.sign(path, sequence: 2, by: owner.key)
        try service.restart()
        try await keyholder.look()
        #expect(service.received.count == 1)
        #expect(keyholder.entries.last?.code == "measurement_mismatch")
        // Restoring the old files is not a change by the owner.
        try folder.write(good, to: "signed.json")
        try folder.write(signature, to: "signed.json.sig")
        try await keyholder.look()
        #expect(service.received.count == 1)
        #expect(keyholder.entries.contains { $0.code == "policy" && $0.reason?.contains("before the policy") == true })
        try SignedPolicy.sign(path, sequence: 3, by: owner.key)
        try await keyholder.look()
        #expect(service.received.count == 2)
        // A policy of another owner, or without a bundle, is refused by a keyholder.
        let open = try owner.writePolicy(SNPFixture(), to: "pinned.json")
        #expect(throws: KeyReleaseError.self) {
            try SignedPolicy(open, owner: OwnerSigningKey.random().publicKey)
        }
        var loose = try owner.peer(SNPFixture()).policy
        (loose["assessment"], loose["manifestDigest"]) = (nil, nil)
        loose["skip"] = #"{"manifestDigest":"any bundle"}"#
        let file = try SNPFixture().writePolicy(loose, to: "loose.json", in: folder)
        #expect(throws: KeyReleaseError.self) { try SignedPolicy.sign(file, sequence: 1, by: owner.key) }
    }

    @Test("A keyholder that stops between release and delivery sends the same bytes when restarted")
    func restarts() async throws {
        let service = try AttestedService(owner, SNPFixture())
        let policy = try owner.writePolicy(SNPFixture())
        service.change { $0.reception = .drops }
        do {
            let first = try TestKeyholder(service, policy: policy, folder: folder)
            try await first.look()
            #expect(throws: KeyReleaseError.self) { try TestKeyholder(service, policy: policy, folder: folder) }
        }
        service.change { $0.reception = .takes }
        let second = try TestKeyholder(service, policy: policy, folder: folder)
        try await second.look()
        #expect(Set(service.received.map(\.bytes)).count == 1)
        #expect(second.events == [.repeated, .delivered])
        #expect(try LogReader.read(folder.file("keyhold.log")).count == 5)
    }

    @Test("A log truncated in its last line loses only that line; a log changed anywhere else is refused")
    func logs() async throws {
        let (service, keyholder) = try setUp()
        try await keyholder.look()
        try service.restart()
        try await keyholder.look()
        let whole = try bytes(of: folder.file("keyhold.log"))
        let lines = whole.split(separator: 0x0A).count
        let lastLine = whole.dropLast().lastIndex(of: 0x0A).map { whole.count - 1 - $0 } ?? 0
        for cut in stride(from: 1, through: lastLine, by: 7) {
            // A file each: a program that another test starts may hold the lock for a moment.
            let path = try folder.write(whole.dropLast(cut), to: "cut-\(cut).log")
            var entries = 0
            let log = try ReleaseLog(path) { _ in entries += 1 }
            #expect(entries == lines - 1)
            try log.append(LogEntry(.started, time: 1))
            #expect(try LogReader.read(path).count == lines)
        }
        for position in stride(from: 0, to: whole.count - lastLine, by: 11) {
            var changed = whole
            changed[position] ^= 1
            let path = try folder.write(changed, to: "other.log")
            #expect(throws: KeyReleaseError.self, "\(position)") { try LogReader.read(path) }
        }
        let kept = whole.split(separator: 0x0A)
        let shorter = try folder.write(
            Array((kept[..<1] + kept[2...]).joined(separator: [0x0A])) + [0x0A], to: "shorter.log")
        #expect(throws: KeyReleaseError.self) { try ReleaseLog(shorter) { _ in } }
    }
}
