// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Testing

/// Evidence in the other forms that `attestation-checks.md` lists under "Which bytes may change".
@Suite("Alternative forms of the same evidence")
struct OtherFormTests {
    /// Evidence in another form than its fixture makes it.
    struct Form: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let plain: any EvidenceFixture
        let evidence: @Sendable () throws -> [UInt8]

        init(
            _ testDescription: String, of plain: some EvidenceFixture,
            _ change: @escaping @Sendable (inout [UInt8]) throws -> Void
        ) {
            self.init(testDescription, of: plain, as: plain, change)
        }

        /// - Parameter other: Makes it in the other form.
        init<Fixture: EvidenceFixture>(
            _ testDescription: String, of plain: Fixture, as other: Fixture,
            _ change: @escaping @Sendable (inout [UInt8]) throws -> Void = { _ in }
        ) {
            self.testDescription = testDescription
            self.plain = plain
            evidence = {
                var evidence = try other.evidence(over: Fixture.reportData)
                try change(&evidence)
                return evidence
            }
        }
    }

    /// The orders of the groups of P-256 and P-384.
    private static let p256 =
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
    private static let p384 =
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"

    /// Replaces s by n - s.
    ///
    /// - Parameter isLittleEndian: Whether s is written from its last byte on, as in reports of SNP.
    private static func negate(
        _ range: Range<Int>, of bytes: inout [UInt8], order: String, isLittleEndian: Bool = false
    ) {
        let order = [UInt8](hex: order) ?? []
        var scalar = Array(bytes[range])
        if isLittleEndian { scalar.reverse() }
        var borrow = 0
        for index in scalar.indices.reversed() {
            let difference = Int(order[index]) - Int(scalar[index]) - borrow
            borrow = difference < 0 ? 1 : 0
            scalar[index] = UInt8(truncatingIfNeeded: difference)
        }
        bytes.replaceSubrange(range, with: isLittleEndian ? scalar.reversed() : scalar)
    }

    /// The signature of the quote, then of the quoting enclave's report, and forms of the chain behind it.
    private static let intel: [Form] = {
        // Header, report, length of what follows.
        let (sgx, tdx) = (48 + 384 + 4, 48 + 584 + 4)
        return [
            Form("SGX, bytes behind the quote", of: IntelFixture.sgx()) { $0 += [1, 2, 3] },
            Form("SGX, (r, n - s) of the quote", of: IntelFixture.sgx()) {
                negate(sgx + 32..<sgx + 64, of: &$0, order: p256)
            },
            Form("TDX, (r, n - s) of the quote", of: IntelFixture.tdx()) {
                negate(tdx + 32..<tdx + 64, of: &$0, order: p256)
            },
            Form("SGX, (r, n - s) of the quoting enclave", of: IntelFixture.sgx()) {
                negate(sgx + 128 + 384 + 32..<sgx + 128 + 384 + 64, of: &$0, order: p256)
            },
            Form(
                "another certificate in the PCK chain", of: IntelFixture.sgx(),
                as: IntelFixture.sgx().with { fixture in
                    let stranger = (try? TestCertificate("A stranger's", IntelFixture.keys.stranger).pem()) ?? []
                    fixture.chain = { $0 + stranger + $1 + $2 }
                }),
            Form(
                "another order of the PCK chain", of: IntelFixture.sgx(),
                as: IntelFixture.sgx().with { $0.chain = { $2 + $0 + $1 } }),
            Form(
                "white space in the PCK chain", of: IntelFixture.sgx(),
                as: IntelFixture.sgx().with { $0.chain = { $0 + [0x0A, 0x0A] + $1 + [0x0D, 0x0A] + $2 + [0x0A] } }),
        ]
    }()

    private static let snp = [
        Form("SNP, (r, n - s)", of: SNPFixture()) {
            negate(0x2E8..<0x2E8 + 48, of: &$0, order: p384, isLittleEndian: true)
        },
        Form("SNP, a table of certificates behind the report", of: SNPFixture()) {
            $0 += (try? SNPFixture().certificateTable()) ?? []
        },
    ]

    /// The document is an array of four: protected header (4 bytes), unprotected header, payload, signature (96 bytes).
    private static let nitro = [
        Form("Nitro, (r, n - s)", of: NitroFixture()) {
            negate($0.count - 48..<$0.count, of: &$0, order: p384)
        },
        Form("Nitro, null instead of the unprotected header", of: NitroFixture()) {
            $0[6] = 0xF6
        },
        Form("Nitro, tag 18", of: NitroFixture()) { $0.insert(0xD2, at: 0) },
        Form("Nitro, an array without a length", of: NitroFixture()) {
            $0[0] = 0x9F
            $0.append(0xFF)
        },
        Form("Nitro, a map without a length", of: NitroFixture()) {
            $0.replaceSubrange(6...6, with: [0xBF, 0xFF])
        },
        Form("Nitro, a longer length of the array", of: NitroFixture()) {
            $0.replaceSubrange(0...0, with: [0x98, 4])
        },
        Form("Nitro, a longer length of the payload", of: NitroFixture()) {
            // 0x59 and two bytes of length.
            $0.replaceSubrange(7...7, with: [0x5A, 0, 0])
        },
    ]

    /// Each member with its value.
    private static func members(of claims: Claims) -> [String] {
        Mirror(reflecting: claims).children.map { member in
            let value = Mirror(reflecting: member.value)
            // Dictionaries have no order.
            let text =
                value.displayStyle == .dictionary
                ? value.children.map { String(describing: $0.value) }.sorted().description
                : String(describing: member.value)
            return "\(member.label ?? ""): \(text)"
        }
    }

    @Test("Each accepted form of evidence gives the same claims as the plain form", arguments: intel + snp + nitro)
    func claims(_ form: Form) throws {
        let appraiser = SavedEvidenceAppraiser(policy: try Policy(members: form.plain.policy))
        let request = try form.plain.request()
        func verdict(_ evidence: [UInt8]) -> Verdict {
            appraiser.verdict(
                on: VerificationRequest(
                    tee: request.tee, evidence: evidence, collateral: request.collateral, at: request.time,
                    roots: request.roots))
        }
        let (plain, other) = (verdict(request.evidence), verdict(try form.evidence()))
        #expect(plain.isAccepted && other.isAccepted, "\(other.summary)")
        #expect(Self.members(of: plain.claims) == Self.members(of: other.claims))
        #expect(!plain.claims.measurements.isEmpty)
    }
}
