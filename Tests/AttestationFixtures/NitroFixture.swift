// SPDX-License-Identifier: Apache-2.0
package import Attestation
package import Evidence

/// An attestation document under a test's own root.
package struct NitroFixture: EvidenceFixture {
    package let tee = TEEKind.nitro
    package var digest = "SHA384"
    package var made = Period.now
    /// The first registers; the others are zero.
    package var registers: [[UInt8]] = (0..<3).map { [UInt8](repeating: 0xF0 + UInt8($0), count: 48) }
    package var nonce: [UInt8]?
    package var documentSigner = Self.keys.leaf

    package var rootCertificate = TestCertificate("aws.nitro-enclaves", Self.keys.root)
    package var zone: TestCertificate
    package var leaf: TestCertificate
    package var trusted: TestCertificate?

    package static let keys = (
        root: TestKey.p384(), zone: TestKey.p384(), leaf: TestKey.p384(), stranger: TestKey.p384()
    )

    package init() {
        zone = TestCertificate("zone", Self.keys.zone, by: rootCertificate)
        zone.serial = 2
        leaf = TestCertificate("i-0-enc0", Self.keys.leaf, by: zone, isAuthority: false)
        leaf.serial = 3
    }

    package func evidence(over reportData: [UInt8]) throws -> [UInt8] {
        let zero = [UInt8](repeating: 0, count: 48)
        let pcrs = (0..<16).map { ($0, registers.indices.contains($0) ? registers[$0] : zero) }
        let milliseconds = UInt64(made.secondsSince1970) * 1000
        let payload = CBORBytes.map([
            (CBORBytes.text("module_id"), CBORBytes.text("i-0-enc0")),
            (CBORBytes.text("digest"), CBORBytes.text(digest)),
            (CBORBytes.text("timestamp"), CBORBytes.head(0, milliseconds)),
            (CBORBytes.text("pcrs"), CBORBytes.map(pcrs.map { (CBORBytes.head(0, UInt64($0)), CBORBytes.bytes($1)) })),
            (CBORBytes.text("certificate"), CBORBytes.bytes(try leaf.der())),
            (
                CBORBytes.text("cabundle"),
                CBORBytes.array([CBORBytes.bytes(try rootCertificate.der()), CBORBytes.bytes(try zone.der())])
            ),
            (CBORBytes.text("public_key"), CBORBytes.null),
            (CBORBytes.text("user_data"), CBORBytes.bytes(reportData)),
            (CBORBytes.text("nonce"), nonce.map(CBORBytes.bytes) ?? CBORBytes.null),
        ])
        let protected = CBORBytes.map([(CBORBytes.head(0, 1), CBORBytes.head(1, 34))])
        let signed = CBORBytes.array([
            CBORBytes.text("Signature1"), CBORBytes.bytes(protected), CBORBytes.bytes([]), CBORBytes.bytes(payload),
        ])
        let signature = try documentSigner.rawSignature(over: signed)
        return CBORBytes.array([
            CBORBytes.bytes(protected), CBORBytes.map([]), CBORBytes.bytes(payload), CBORBytes.bytes(signature),
        ])
    }

    package func collateral() -> [CollateralRole: [UInt8]] { [:] }

    package func trustedRoot() throws -> [UInt8]? { try root() }

    /// The root that is trusted, PEM.
    package func root() throws -> [UInt8] { try (trusted ?? rootCertificate).pem() }

    package var policy: [String: String] {
        [
            "version": "2", "tee": #"["nitro"]"#, "maximumAgeSeconds": "300",
            "measurements": #"{"pcr0":["\#([UInt8](repeating: 0xF0, count: 48).hex)"]}"#,
        ]
    }
}

/// CBOR (RFC 8949), written for tests.
enum CBORBytes {
    static let null: [UInt8] = [0xF6]

    static func head(_ major: UInt8, _ value: UInt64) -> [UInt8] {
        let width: Int
        switch value {
        case 0..<24: return [major << 5 | UInt8(value)]
        case 24..<256: width = 1
        case 256..<65536: width = 2
        case 65536..<0x1_0000_0000: width = 4
        default: width = 8
        }
        let code: UInt8 = [1: 24, 2: 25, 4: 26, 8: 27][width] ?? 27
        return [major << 5 | code] + (0..<width).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func text(_ text: String) -> [UInt8] { head(3, UInt64(text.utf8.count)) + Array(text.utf8) }
    static func bytes(_ bytes: [UInt8]) -> [UInt8] { head(2, UInt64(bytes.count)) + bytes }
    static func array(_ items: [[UInt8]]) -> [UInt8] { head(4, UInt64(items.count)) + items.flatMap(\.self) }
    static func map(_ members: [([UInt8], [UInt8])]) -> [UInt8] {
        head(5, UInt64(members.count)) + members.flatMap { $0.0 + $0.1 }
    }
}
