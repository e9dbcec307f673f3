// SPDX-License-Identifier: Apache-2.0
import Attestation
package import Evidence

/// A report of a test's own chip, with PKI.
package struct SNPFixture: EvidenceFixture {
    package let tee = TEEKind.snp
    /// 1184 bytes; report data and signature are put in when the report is made.
    package var report: [UInt8]
    package var reportSigner = Self.keys.vcek

    package var ark = TestCertificate("ARK-Milan", Self.keys.ark)
    package var ask: TestCertificate
    package var vcek: TestCertificate
    package var product = "Milan-B0"
    package var chipID = [UInt8](repeating: 0xC1, count: 64)
    /// By the arc of AMD's extension: boot loader, TEE, SNP firmware, microcode.
    package var versions: [Int: Int] = [1: 4, 2: 0, 3: 24, 8: 219]
    package var list: TestRevocationList?
    /// Collateral that replaces the valid one, by role.
    package var replaced: [CollateralRole: [UInt8]] = [:]
    package var missing: Set<CollateralRole> = []
    package var trusted: TestCertificate?

    package static let keys = (
        ark: TestKey.rsa(), ask: TestKey.rsa(), vcek: TestKey.p384(), stranger: TestKey.p384()
    )

    package init() {
        report = [UInt8](repeating: 0, count: 1184)
        report.put(.littleEndian(UInt32(3)) + .littleEndian(UInt32(2)), at: 0)
        report.put(.littleEndian(UInt64(0x3_0000)), at: 0x08)
        report.put(.littleEndian(UInt32(1)), at: 0x34)
        report.put([UInt8](repeating: 0xB1, count: 48), at: 0x90)
        report.put([UInt8](repeating: 0xB2, count: 32), at: 0xC0)
        for offset in [0x38, 0x180, 0x1E0, 0x1F0] { report.put([4, 0, 0, 0, 0, 0, 24, 219], at: offset) }
        report.put([0x20], at: 0x40)
        report.put([0x19, 0x01, 0x01], at: 0x188)
        report.put(chipID, at: 0x1A0)
        ask = TestCertificate("SEV-Milan", Self.keys.ask, by: ark)
        ask.serial = 2
        vcek = TestCertificate("SEV-VCEK", Self.keys.vcek, by: ask, isAuthority: false)
        vcek.serial = 0
        list = TestRevocationList(by: ark)
    }

    package func evidence(over reportData: [UInt8]) throws -> [UInt8] {
        var report = self.report
        report.put(reportData, at: 0x50)
        let signature = try reportSigner.rawSignature(over: Array(report[..<0x2A0]))
        report.put(signature[..<48].reversed(), at: 0x2A0)
        report.put(signature[48...].reversed(), at: 0x2E8)
        return report
    }

    /// The certificate of the chip's key, DER.
    package func certificate() throws -> [UInt8] {
        func member(_ arcs: [Int], _ value: [UInt8]) -> [UInt8] {
            DER.certificateExtension([1, 3, 6, 1, 4, 1, 3704, 1] + arcs, value)
        }
        var certificate = vcek
        certificate.extensions =
            [member([2], DER.ia5(product))]
            + versions.sorted { $0.key < $1.key }.map { member([3, $0.key], DER.integer($0.value)) }
            + [member([4], chipID)]
        return try certificate.der()
    }

    package func collateral() throws -> [CollateralRole: [UInt8]] {
        var all: [CollateralRole: [UInt8]] = [.vcek: try certificate(), .intermediate: try ask.der()]
        all[.crl] = try list?.der()
        return all.merging(replaced) { $1 }.filter { !missing.contains($0.key) }
    }

    /// The table in which a host gives the certificates to its guest.
    package func certificateTable() throws -> [UInt8] {
        let entries: [(String, [UInt8])] = [
            ("63da758de6644564adc5f4b93be8accd", try certificate()),
            ("4ab7b379bbac4fe4a02f05aef327c782", try ask.der()),
            ("c0b406a4a803495297433fb6014cd0ae", try ark.der()),
        ]
        var head: [UInt8] = []
        var offset = 24 * (entries.count + 1)
        for (guid, bytes) in entries {
            head += ([UInt8](hex: guid) ?? []) + .littleEndian(UInt32(offset)) + .littleEndian(UInt32(bytes.count))
            offset += bytes.count
        }
        return head + [UInt8](repeating: 0, count: 24) + entries.flatMap(\.1)
    }

    package func trustedRoot() throws -> [UInt8]? { try root() }

    /// The root that is trusted, PEM.
    package func root() throws -> [UInt8] { try (trusted ?? ark).pem() }

    package var policy: [String: String] {
        [
            "version": "2", "tee": #"["snp"]"#, "flags": #"{"smt":false,"aliasCheck":true,"cxlAllowed":false}"#,
            "minimumTCB": #"{"bl":4,"tee":0,"snp":24,"ucode":219,"guestsvn":2}"#,
            "measurements": #"{"measurement":["\#([UInt8](repeating: 0xB1, count: 48).hex)"]}"#,
        ]
    }
}
