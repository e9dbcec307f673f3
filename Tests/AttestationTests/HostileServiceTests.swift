// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import BundleFormat
import Crypto
import Evidence
import Testing

/// Services on genuine hardware that a client must still reject.
@Suite("Hostile services")
struct HostileServiceTests {
    private static let fixtures: [any EvidenceFixture] = [
        IntelFixture.sgx(), IntelFixture.tdx(), IntelFixture.tdx(version: 5, is15: true), SNPFixture(), NitroFixture(),
    ]

    private func expect(
        _ verdict: Verdict, _ check: Check, _ code: ReasonCode, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let failures = verdict.failures
        #expect(failures.map(\.entry.check) == [check], "\(verdict.tee)", sourceLocation: sourceLocation)
        #expect(failures.map(\.code) == [code], "\(verdict.tee)", sourceLocation: sourceLocation)
    }

    /// Does something with a service in each kind of hardware.
    private func forEach(_ body: (any Service) throws -> Void) throws {
        func service(_ fixture: some EvidenceFixture) -> any Service { PeerFixture(fixture) }
        for fixture in Self.fixtures { try body(service(fixture)) }
    }

    @Test("Checks run in the order of the documentation, and a valid service passes all of them")
    func order() throws {
        func expectOrder(_ verdict: Verdict) {
            #expect(verdict.isAccepted, "\(verdict.summary)")
            var made: [Check] = []
            for entry in verdict.entries where !made.contains(entry.check) { made.append(entry.check) }
            #expect(made == Check.allCases.filter(made.contains), "\(verdict.tee)")
            #expect(made.last == Check.allCases.last, "\(verdict.tee)")
        }
        try forEach { expectOrder(try $0.verdict(on: $0.document(), nonce: nil)) }
        let peer = PeerFixture(DevelopmentFixture())
        expectOrder(try peer.verdict(on: peer.document(), development: .dangerouslyAccept))
    }

    @Test("A nonce of another session is refused")
    func nonce() throws {
        try forEach { service in
            let verdict = try service.verdict(on: service.document(), nonce: [UInt8](repeating: 8, count: 32))
            expect(verdict, .nonce, .nonceMismatch)
            // Replacing the nonce in the document beside old evidence does not help the host.
            let old = try service.document()
            var asked = service
            asked.nonce = [UInt8](repeating: 8, count: 32)
            let relabelled = try old.changed(nonce: asked.nonce)
            expect(try asked.verdict(on: relabelled, nonce: nil), .reportData, .reportDataMismatch)
        }
    }

    @Test("A key configuration of another enclave is refused")
    func keyConfiguration() throws {
        try forEach { service in
            let document = try service.document().changed(keyConfiguration: [UInt8](repeating: 9, count: 100))
            expect(try service.verdict(on: document, nonce: nil), .reportData, .reportDataMismatch)
        }
    }

    @Test("An epoch of another run is refused")
    func epoch() throws {
        try forEach { service in
            let document = try service.document().changed(epoch: [UInt8](repeating: 9, count: 16))
            expect(try service.verdict(on: document, nonce: nil), .reportData, .reportDataMismatch)
        }
    }

    @Test("Evidence of the right code over the wrong manifest is refused")
    func manifest() throws {
        try forEach { service in
            let document = try service.document(over: Array("another manifest".utf8))
            expect(try service.verdict(on: document, nonce: nil), .reportData, .reportDataMismatch)
        }
    }

    @Test("A server's collateral does not complete a client's own collateral")
    func mixedCollateral() throws {
        let peer = PeerFixture(IntelFixture.tdx())
        let all = try peer.evidence.collateral()
        let plain = try peer.document()
        let document = try plain.changed(
            collateral: Dictionary(uniqueKeysWithValues: all.map { ($0.rawValue, $1) }))
        let (appraiser, roots) = (Appraiser(policy: try Policy(members: peer.policy)), try peer.evidence.roots())
        func reasons(_ own: [CollateralRole: [UInt8]]) -> [ReasonCode] {
            do throws(AttestationError) {
                _ = try appraiser.verify(
                    document, nonce: peer.nonce, at: Period.now, collateral: own, roots: roots)
                return []
            } catch { return error.verdict?.failures.map(\.code) ?? [] }
        }
        #expect(reasons([:]) == [])
        #expect(reasons(all) == [])
        #expect(reasons(all.filter { $0.key == .pckCRL }) == [.collateralMissing])
        // A file without a statement of the platform's TCB status replaces nothing.
        #expect(reasons(all.filter { $0.key == .pckCertificateChain }) == [])
        #expect(reasons([.eventLog: EventLogFixture.bytes([])]) == [.eventLogMismatch])
    }

    @Test("If a client supplies certificates for an SNP chip, the server's certificates are not used")
    func mixedCertificates() throws {
        let peer = PeerFixture(SNPFixture())
        let plain = try peer.document()
        let stranger = SNPFixture().with {
            $0.vcek.serial = 9
            $0.versions[8] = 1
        }
        let document = try plain.changed(
            collateral: [
                "vcek": try stranger.certificate(), "intermediate": try IntelFixture.tdx().authority.der(),
                "crl": try #require(peer.evidence.collateral()[.crl]),
            ])
        let (appraiser, roots) = (Appraiser(policy: try Policy(members: peer.policy)), try peer.evidence.roots())
        func reasons(_ own: [CollateralRole: [UInt8]]) -> [ReasonCode] {
            do throws(AttestationError) {
                _ = try appraiser.verify(
                    document, nonce: peer.nonce, at: Period.now, collateral: own, roots: roots)
                return []
            } catch { return error.verdict?.failures.map(\.code) ?? [] }
        }
        #expect(reasons([:]) != [])
        #expect(reasons([.certificateTable: try peer.evidence.certificateTable()]) == [])
        let own = try peer.evidence.collateral()
        #expect(reasons(own.filter { $0.key != .crl }) == [])
        // A table without the chip's certificate is not completed by the server's.
        #expect(reasons([.certificateTable: []]) == [.collateralMissing])
    }

    @Test("A revocation failure states the dates of the revocation list")
    func revocationDates() throws {
        let peer = PeerFixture(IntelFixture.tdx())
        let revoked = try peer.evidence.with { $0.pckList.serials = [0x1234] }.collateral()
        let error = #expect(throws: AttestationError.self) {
            _ = try Appraiser(policy: Policy(members: peer.policy)).verify(
                peer.document(), nonce: peer.nonce, at: Period.now, collateral: revoked, roots: peer.evidence.roots())
        }
        #expect(error?.verdict?.failures.map(\.code) == [.pckRevoked])
        #expect(error?.verdict?.claims.collateral.keys.contains { $0.hasPrefix("pck_crl/") } == true)
    }

    @Test("Relayed evidence gives the keys of the enclave that made it, and no others")
    func relay() throws {
        let peer = PeerFixture(IntelFixture.tdx())
        let verified = try Appraiser(policy: Policy(members: peer.policy)).verify(
            peer.document(), nonce: peer.nonce, at: Period.now, collateral: peer.evidence.collateral(),
            roots: peer.evidence.roots())
        #expect(verified.keyConfiguration == peer.keyConfiguration)
        #expect(verified.epoch == peer.epoch)
    }

    @Test("Certificates that are not yet valid, or expired, at the time of verification are refused")
    func times() throws {
        func codes(_ fixture: some EvidenceFixture, _ time: String) throws -> [ReasonCode] {
            let appraiser = SavedEvidenceAppraiser(policy: try Policy(members: fixture.policy))
            let time = try #require(Timestamp(iso8601: time))
            return appraiser.verdict(on: try fixture.request(at: time)).failures.map(\.code)
        }
        for fixture in Self.fixtures {
            #expect(try codes(fixture, "2025-12-31T23:59:59Z") == [.certificateNotYetValid])
            #expect(try codes(fixture, "2027-01-01T00:00:01Z") == [.certificateExpired])
        }
        for fixture in Self.fixtures where fixture.tee != .nitro {
            #expect(try codes(fixture, "2026-01-01") == [])
            #expect(try codes(fixture, "2027-01-01") == [])
        }
    }

    @Test("A revocation list that names the PCK, its issuer or AMD's intermediate certificate is enforced")
    func revoked() throws {
        func verdict(_ fixture: some EvidenceFixture) throws -> Verdict {
            let peer = PeerFixture(fixture)
            return try peer.verdict(on: peer.document())
        }
        let pck = IntelFixture.tdx().with { $0.pckList.serials = [1, 0x1234, 0x12345] }
        expect(try verdict(pck), .pckRevocation, .pckRevoked)
        let authority = IntelFixture.sgx().with { $0.rootList.serials = [2] }
        expect(try verdict(authority), .pckAuthorityRevocation, .authorityRevoked)
        let intermediate = SNPFixture().with { $0.list?.serials = [2] }
        expect(try verdict(intermediate), .askRevocation, .authorityRevoked)
        // Similar serial numbers belong to other certificates.
        let others = IntelFixture.tdx().with { $0.pckList.serials = [0x12, 0x34, 0x3412, 0x123400] }
        #expect(try verdict(others).failures.map(\.code) == [])
    }

    @Test("Collateral older than collateral seen before is refused; the same or newer collateral is accepted")
    func olderCollateral() throws {
        for fixture in Self.fixtures where fixture.tee != .nitro {
            let appraiser = SavedEvidenceAppraiser(policy: try Policy(members: fixture.policy))
            let seen = appraiser.verdict(on: try fixture.request()).claims.collateral
            #expect(seen.count == (fixture.tee == .snp ? 1 : 4))
            #expect(appraiser.verdict(on: try fixture.request(seenBefore: seen)).failures.map(\.code) == [])
            for (name, record) in seen {
                let later = [name: record.later(bySeconds: 1)]
                let refused = appraiser.verdict(on: try fixture.request(seenBefore: later))
                expect(refused, .collateralAge, .collateralRolledBack)
            }
        }
    }
}

/// A service in an arbitrary TEE.
private protocol Service {
    var nonce: [UInt8] { get set }
    func document(over manifest: [UInt8]?) throws -> EvidenceDocument
    func verdict(on document: EvidenceDocument, nonce: [UInt8]?) throws -> Verdict
}

extension Service {
    fileprivate func document() throws -> EvidenceDocument { try document(over: nil) }
}

extension PeerFixture: Service {
    func verdict(on document: EvidenceDocument, nonce: [UInt8]?) throws -> Verdict {
        try verdict(on: document, policy: nil, nonce: nonce)
    }
}
