// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import BundleFormat
import Crypto
import Evidence
import Testing

typealias DevelopmentPeer = PeerFixture<DevelopmentFixture>

extension DevelopmentPeer {
    init() { self.init(DevelopmentFixture()) }

    var policyJSON: String {
        "{" + policy.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    func appraiser(_ development: DevelopmentTEE = .dangerouslyAccept) throws -> Appraiser {
        Appraiser(policy: try Policy(json: Array(policyJSON.utf8)), development: development)
    }
}

extension EvidenceDocument {
    /// The document with other fields.
    func changed(
        nonce: [UInt8]? = nil, evidence: [UInt8]? = nil, collateral: [String: [UInt8]]? = nil,
        keyConfiguration: [UInt8]? = nil, manifestCore: [UInt8]? = nil, manifest: [UInt8]? = nil,
        manifestSignature: [UInt8]? = nil, facts: [UInt8]? = nil, epoch: [UInt8]? = nil
    ) throws -> EvidenceDocument {
        try EvidenceDocument(
            tee: tee, nonce: nonce ?? self.nonce, evidence: evidence ?? self.evidence,
            collateral: collateral ?? self.collateral, keyConfiguration: keyConfiguration ?? self.keyConfiguration,
            manifestCore: manifestCore ?? self.manifestCore, manifest: manifest ?? self.manifest,
            manifestSignature: manifestSignature ?? self.manifestSignature, facts: facts ?? self.facts,
            epoch: epoch ?? self.epoch)
    }
}

let now = Timestamp(secondsSince1970: 1_750_000_000)

/// The check and code that a rejected document fails first.
private func failure(
    _ fixture: DevelopmentPeer, _ document: EvidenceDocument, nonce: [UInt8]? = nil,
    _ development: DevelopmentTEE = .dangerouslyAccept
) throws -> (Check, ReasonCode)? {
    let appraiser = try fixture.appraiser(development)
    do throws(AttestationError) {
        _ = try appraiser.verify(document, nonce: nonce ?? fixture.nonce, at: now)
        return nil
    } catch {
        let verdict = try #require(error.verdict)
        return verdict.failures.first.map { ($0.entry.check, $0.code) }
    }
}

@Suite("Development evidence")
struct DevelopmentTests {
    @Test("A document with every binding verifies, and the verdict warns that the evidence protects nothing")
    func accepted() throws {
        let fixture = DevelopmentPeer()
        let document = try EvidenceDocument(json: fixture.document().json())
        let peer = try fixture.appraiser().verify(document, nonce: fixture.nonce, at: now)
        #expect(peer.keyConfiguration == fixture.keyConfiguration)
        #expect(peer.manifest == fixture.manifest)
        #expect(peer.epoch == fixture.epoch)
        #expect(peer.verdict.warnings.contains { $0.contains("protects nothing") })
        #expect(peer.verdict.skipped.isEmpty)
        // A check that passed has found what it expected.
        let accepted = try #require(peer.verdict.entries.first { $0.check == .developmentAccepted })
        #expect(accepted.found == accepted.expected && !accepted.found.isEmpty)
    }

    @Test("Development evidence is refused unless the call accepts it by name")
    func refusedByDefault() throws {
        let fixture = DevelopmentPeer()
        let found = try #require(try failure(fixture, fixture.document(), .refuse))
        #expect(found == (.developmentAccepted, .developmentNotAccepted))
    }

    @Test("A release policy refuses development evidence even where the call accepts it")
    func releasePolicy() throws {
        let fixture = DevelopmentPeer()
        let policy = try Policy(json: Array(fixture.policyJSON.replacing(#"["development"]"#, with: #"["tdx"]"#).utf8))
        let appraiser = Appraiser(policy: policy, development: .dangerouslyAccept)
        let error = #expect(throws: AttestationError.self) {
            try appraiser.verify(fixture.document(), nonce: fixture.nonce, at: now)
        }
        #expect(error?.verdict?.failures.map(\.code) == [.developmentNotAccepted])
    }

    @Test("Each part of the binding that belongs to another enclave is refused with its own reason")
    func bindings() throws {
        let fixture = DevelopmentPeer()
        let document = try fixture.document()
        let other = DevelopmentPeer()

        #expect(try failure(fixture, document, nonce: [UInt8](repeating: 8, count: 32))! == (.nonce, .nonceMismatch))
        #expect(
            try failure(fixture, document.changed(keyConfiguration: [9])) ?? (.nonce, .malformed)
                == (.reportData, .reportDataMismatch))
        #expect(
            try failure(fixture, document.changed(epoch: Array(repeating: 9, count: 16))) ?? (.nonce, .malformed)
                == (.reportData, .reportDataMismatch))
        #expect(
            try failure(fixture, document.changed(facts: fixture.enclaveFacts(.unprovisioned).encoded()))
                ?? (.nonce, .malformed) == (.reportData, .reportDataMismatch))
        #expect(
            try failure(fixture, document.changed(manifestCore: other.manifestCore)) ?? (.nonce, .malformed)
                == (.ownerKey, .ownerKeyMismatch))
        #expect(
            try failure(fixture, document.changed(manifest: fixture.manifest + [0x20])) ?? (.nonce, .malformed)
                == (.manifestTwin, .manifestMismatch))
        var newer = fixture
        newer.manifest += [0x20]
        let newerCore = newer.core().encoded()
        #expect(
            try failure(fixture, document.changed(manifestCore: newerCore)) ?? (.nonce, .malformed)
                == (.manifestSignature, .manifestSignatureInvalid))
        #expect(
            try failure(fixture, other.document()) ?? (.nonce, .malformed)
                == (.developmentKey, .signingKeyMismatch))
        // The right code over another manifest.
        #expect(
            try failure(fixture, fixture.document(over: other.manifestCore)) ?? (.nonce, .malformed)
                == (.reportData, .reportDataMismatch))
        // Another manifest that the owner did sign.
        #expect(
            try failure(
                fixture, document.changed(manifestCore: newerCore, manifestSignature: fixture.signature(of: newerCore)))
                ?? (.nonce, .malformed) == (.manifestDigest, .manifestMismatch))
        var otherCode = fixture
        otherCode.evidence.measurement[47] ^= 1
        #expect(
            try failure(fixture, otherCode.document()) ?? (.nonce, .malformed)
                == (.measurements, .measurementMismatch))
    }

    @Test("A flipped bit in any byte of a development report is refused")
    func flippedBytes() throws {
        let fixture = DevelopmentPeer()
        let document = try fixture.document()
        for index in document.evidence.indices {
            var evidence = document.evidence
            evidence[index] ^= 0x10
            #expect(try failure(fixture, document.changed(evidence: evidence)) != nil, "byte \(index)")
        }
        #expect(try failure(fixture, document.changed(evidence: document.evidence + [0]))?.1 == .malformed)
        #expect(try failure(fixture, document.changed(evidence: Array(document.evidence.dropLast())))?.1 == .malformed)
    }

    @Test(
        "A policy that omits a required member verifies no peer",
        arguments: [
            "ownerPublicKey", "manifestDigest", "measurements", "developmentKey",
        ])
    func incompletePolicy(_ member: String) throws {
        let fixture = DevelopmentPeer()
        let members = fixture.policyJSON.replacing("\n", with: "")
        let pattern = try Regex("\"\(member)\":([^,{]*|\\{[^}]*\\})(,|(?=\\}$))")
        let json = members.replacing(pattern, with: "").replacing(",}", with: "}")
        #expect(!json.contains(member))
        let policy = try Policy(json: Array(json.utf8))
        #expect(throws: AttestationError.self) {
            try Appraiser(policy: policy, development: .dangerouslyAccept)
                .verify(fixture.document(), nonce: fixture.nonce, at: now)
        }
    }

    @Test("Each check that a policy skips is listed with its reason")
    func skips() throws {
        let fixture = DevelopmentPeer()
        let digest = Array(SHA256.hash(data: fixture.manifestCore)).hex
        let json = fixture.policyJSON.replacing(
            #""manifestDigest":"\#(digest)""#, with: #""skip":{"manifestDigest":"any model of this owner"}"#)
        let peer = try Appraiser(policy: try Policy(json: Array(json.utf8)), development: .dangerouslyAccept)
            .verify(fixture.document(), nonce: fixture.nonce, at: now)
        #expect(peer.verdict.skipped.map(\.check) == [.manifestDigest])
        #expect(peer.verdict.skipped.map(\.reason) == ["any model of this owner"])
    }

    @Test(
        "A policy with an unknown, duplicate or ill-typed member is refused",
        arguments: [
            #"{"version":2,"tee":["tdx"],"alowDebug":false}"#, #"{"version":2,"tee":["tdx"],"tee":["development"]}"#,
            #"{"version":2,"tee":"tdx"}"#,
            #"{"version":2,"tee":[]}"#, #"{"version":2,"tee":["arm"]}"#, #"{"tee":["tdx"],"version":1}"#,
            #"{"tee":["tdx"],"version":3}"#, #"{"version":2,"version":2,"tee":["tdx"]}"#,
            #"{"version":2,"tee":["tdx"]"#, "[]", "",
            #"{"version":2,"tee":["tdx"],"measurements":{}}"#,
            #"{"version":2,"tee":["tdx"],"measurements":{"mrtd":[]}}"#,
            #"{"version":2,"tee":["tdx"],"measurements":{"mrtd":["zz"]}}"#,
            #"{"version":2,"tee":["tdx"],"skip":{"tee":"why not"}}"#,
            #"{"version":2,"tee":["tdx"],"everythingInside":false}"#,
            #"{"version":2,"tee":["tdx"],"pixelsOnly":false}"#,
            #"{"version":2,"tee":["tdx"],"minimumSigma":-0.5}"#, #"{"version":2,"tee":["tdx"],"minimumSigma":"1"}"#,
            #"{"version":2,"tee":["tdx"],"maximumSigma":NaN}"#, #"{"version":2,"tee":["tdx"],"maximumSigma":1e999}"#,
            #"{"version":2,"tee":["tdx"],"assessment":{}}"#,
            #"{"version":2,"tee":["tdx"],"assessment":{"gates":"lax"}}"#,
            #"{"version":2,"tee":["tdx"],"assessment":{"sha256":"00"}}"#,
            #"{"version":2,"tee":["tdx"],"assessment":{"headline":"x"}}"#,
            #"{"version":2,"tee":["tdx"],"assessment":{"protects":["name"]}}"#,
            #"{"version":2,"tee":["tdx"],"assessment":{"protects":["class","class"]}}"#,
            #"{"version":2,"tee":["tdx"],"assessment":{"attackerPictures":0}}"#,
            #"{"version":2,"tee":["tdx"],"skip":{"measurements":""}}"#,
            #"{"version":2,"tee":["tdx"],"skip":{"flags":"a","flags":"b"}}"#,
            #"{"version":2,"tee":["tdx"],"measurements":{"mrtd":["00"],"mrtd":["01"]}}"#,
            #"{"version":2,"tee":["tdx"]} x"#,
        ])
    func invalidPolicies(_ json: String) {
        let error = #expect(throws: AttestationError.self) { try Policy(json: Array(json.utf8)) }
        #expect(error?.code == .invalidPolicy)
    }

    @Test("A policy without a version, or of version 1, is refused, and the error says what to do")
    func policyVersion() throws {
        let error = #expect(throws: AttestationError.self) { try Policy(json: Array(#"{"tee":["tdx"]}"#.utf8)) }
        #expect(error?.code == .invalidPolicy)
        #expect(error?.message.contains(#"add "version": 2"#) == true)
        let old = #expect(throws: AttestationError.self) {
            try Policy(json: Array(#"{"version": 1,"tee":["tdx"]}"#.utf8))
        }
        #expect(old?.message.contains("make the policy again with this version's `infenclave policy`") == true)
        #expect(throws: Never.self) { try Policy(json: Array(#"{"version": 2,"tee":["tdx"]}"#.utf8)) }
    }
}
