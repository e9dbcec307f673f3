// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import TestSupport
import Testing

@Suite("Changed bytes", .enabled(if: Vectors.arePresent, Comment(rawValue: SharedFiles.absence)))
struct ByteFlipTests {
    private func verifier(_ path: String) throws -> (VectorInput, SavedEvidenceAppraiser) {
        let expectation = try Vectors.expectation(path)
        let input = try VectorInput(path, expectation, at: expectation.verifyAt)
        let policy = try Policy(json: expectation.policy.policy(for: expectation.tee))
        return (input, SavedEvidenceAppraiser(policy: policy))
    }

    /// Only the bytes after a quote may change: its length field ends it, and clouds return quotes in padded buffers.
    private func unsignedTail(_ evidence: [UInt8], _ tee: String) throws -> Int {
        tee == "sgx" || tee == "tdx" ? try IntelQuote(parsing: evidence).trailingByteCount : 0
    }

    @Test(
        "A flipped bit in any byte of accepted evidence is refused",
        arguments: [
            "sgx/icelake-swhardening", "tdx/v4-uptodate", "tdx/v5-uptodate", "snp/milan-v2", "snp/genoa-v5",
            "snp/turin-v5", "nitro/plain-2021",
        ])
    func flips(_ path: String) throws {
        var (input, appraiser) = try verifier(path)
        #expect(appraiser.verdict(on: try input.request()).isAccepted)
        let original = input.evidence
        let count = original.count - (try unsignedTail(original, input.tee))
        var accepted: [Int] = []
        for index in 0..<count {
            input.evidence[index] ^= 0x01
            if appraiser.verdict(on: try input.request()).isAccepted { accepted.append(index) }
            input.evidence[index] = original[index]
        }
        #expect(accepted.isEmpty)
    }

    @Test(
        "Random damage to evidence and collateral is refused or harmless, and never traps",
        arguments: [
            "sgx/icelake-swhardening", "tdx/v5-uptodate", "snp/milan-v3-vlek", "snp/synthetic-crl-ok",
            "nitro/synthetic-indefinite-map",
        ])
    func damage(_ path: String) throws {
        let (original, appraiser) = try verifier(path)
        var generator = SeededGenerator(state: 0x1F3A_77C2_9D04_5BE1)
        var rejected = 0
        for _ in 0..<400 {
            var input = original
            let role = input.collateral.keys.sorted { $0.rawValue < $1.rawValue }.randomElement(using: &generator)
            if let role, Bool.random(using: &generator) {
                Self.damage(&input.collateral[role]!, &generator)
            } else {
                Self.damage(&input.evidence, &generator)
            }
            rejected += appraiser.verdict(on: try input.request()).isAccepted ? 0 : 1
        }
        #expect(rejected > 300, "seed 0x1F3A77C29D045BE1")
    }

    private static func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let start = Int.random(in: bytes.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes.removeSubrange(start...)
        case 1: bytes[start] = UInt8.random(in: 0...255, using: &generator)
        case 2:
            let end = min(bytes.count, start + Int.random(in: 1...64, using: &generator))
            bytes.removeSubrange(start..<end)
        default: bytes.insert(contentsOf: bytes.suffix(from: start).prefix(40), at: start)
        }
    }
}

/// The same for evidence that is made here, which needs nothing but this package.
@Suite("Changed bytes of generated evidence")
struct GeneratedByteFlipTests {
    static let padding = 16

    private static let fixtures: [any EvidenceFixture] = [
        IntelFixture.sgx().with { $0.padding = padding }, IntelFixture.sgx(version: 4), IntelFixture.tdx(),
        IntelFixture.tdx(version: 5, is15: true), SNPFixture(), NitroFixture(),
    ]

    /// Bytes that no signature covers and nobody reads, by the evidence's format; for every other byte there is one
    /// value. A quote's own length field says where it ends, and clouds return quotes in padded buffers.
    private func unsigned(_ fixture: any EvidenceFixture, _ evidence: [UInt8]) -> Range<Int> {
        evidence.count - ((fixture as? IntelFixture)?.padding ?? 0)..<evidence.count
    }

    @Test(
        "A flipped bit in any byte is refused, except in bytes that the format leaves unsigned",
        arguments: fixtures.indices)
    func flips(_ index: Int) throws {
        let fixture = Self.fixtures[index]
        let appraiser = SavedEvidenceAppraiser(policy: try Policy(members: fixture.policy))
        let original = try fixture.request()
        func isAccepted(_ evidence: [UInt8]) -> Bool {
            appraiser.verdict(
                on: VerificationRequest(
                    tee: original.tee, evidence: evidence, collateral: original.collateral, at: original.time,
                    roots: original.roots)
            ).isAccepted
        }
        // All bits of one form of evidence of each TEE; of its siblings, the first and the last.
        let isSibling = index == 1 || index == 3
        let bits = (0..<8).map { UInt8(1) << $0 }.filter { !isSibling || $0 == 0x01 || $0 == 0x80 }
        var evidence = original.evidence
        #expect(isAccepted(evidence))
        var accepted: Set<Int> = []
        for index in evidence.indices {
            for bit in bits {
                evidence[index] ^= bit
                if isAccepted(evidence) { accepted.insert(index) }
                evidence[index] ^= bit
            }
        }
        #expect(accepted == Set(unsigned(fixture, evidence)))
    }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
