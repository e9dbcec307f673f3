// SPDX-License-Identifier: Apache-2.0
import Attestation
import Crypto
package import CryptoExtras
package import Evidence
import Foundation

/// Evidence of a confidential machine on Azure: the hardware's evidence of another fixture, and a test TPM.
package struct AzureFixture<Hardware: EvidenceFixture>: EvidenceFixture {
    package let tee: TEEKind
    package var hardware: Hardware
    /// Version 2 of the header.
    package var header: [UInt8] = Array("HCLA".utf8) + .littleEndian(UInt32(2))
    package var runtimeData: String
    /// The hardware reports the digest of these bytes instead of that of the runtime data.
    package var reported: [UInt8]?
    /// TDX: TDINFO is put into the TDREPORT from the quote's body; these bytes in their place.
    package var domain: [UInt8]?
    /// Signs quotes.
    package var quoteSigner = AzureKeys.attestation
    package var registers: [[UInt8]] = (0..<24).map { [UInt8](repeating: UInt8($0), count: 32) }
    /// What the evidence says of the registers, if it is not what the TPM signed.
    package var stated: [[UInt8]]?
    package var selection: [UInt8] = [0xFF, 0xFF, 0xFF]
    /// TDX: whether the evidence has the hardware's quote, which an enclave's own has not.
    package var hasQuote = true

    init(_ tee: TEEKind, _ hardware: Hardware) {
        self.tee = tee
        self.hardware = hardware
        runtimeData = AzureKeys.runtimeData(AzureKeys.attestation)
    }

    /// What the hardware says, over the runtime data.
    private func hardwareEvidence() throws -> (digest: [UInt8], evidence: [UInt8]) {
        let digest = Array(SHA256.hash(data: reported ?? Array(runtimeData.utf8))) + [UInt8](repeating: 0, count: 32)
        return (digest, try hardware.evidence(over: digest))
    }

    /// What the paravisor keeps in the TPM.
    package func hclReport() throws -> [UInt8] {
        let (digest, evidence) = try hardwareEvidence()
        return hclReport(digest, evidence)
    }

    private func hclReport(_ digest: [UInt8], _ evidence: [UInt8]) -> [UInt8] {
        let runtime = Array(runtimeData.utf8)
        let inner = tee == .azureSNP ? evidence : tdReport(evidence, digest)
        let area = inner + [UInt8](repeating: 0, count: 1184 - inner.count)
        let described: [UInt8] =
            .littleEndian(UInt32(20 + runtime.count)) + .littleEndian(UInt32(1))
            + .littleEndian(UInt32(tee == .azureSNP ? 2 : 4)) + .littleEndian(UInt32(1))
            + .littleEndian(UInt32(runtime.count)) + runtime
        let size = UInt32(32 + area.count + described.count)
        let start = header + .littleEndian(size) + .littleEndian(UInt32(2)) + [UInt8](repeating: 0, count: 16)
        return start + area + described + [UInt8](repeating: 0, count: 64)
    }

    /// What the service of Azure's network answers for TDX.
    package func tdQuote() throws -> [UInt8] { try hardwareEvidence().evidence }

    package func evidence(over reportData: [UInt8]) throws -> [UInt8] {
        let (digest, evidence) = try hardwareEvidence()
        let report = hclReport(digest, evidence)
        let message = quote(over: Array(SHA256.hash(data: reportData)))
        let signature = try quoteSigner.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
        var members = [
            #""version":2"#, #""hcl_report":"\#(Self.base64(report))""#,
            #""tpm_quote":{"message":"\#(message.hex)","signature":"\#(Array(signature.rawRepresentation).hex)","#
                + #""pcrs":[\#((stated ?? registers).map { "\"\($0.hex)\"" }.joined(separator: ","))]}"#,
        ]
        if tee == .azureTDX, hasQuote { members.append(#""td_quote":"\#(Self.base64(evidence))""#) }
        return Array("{\(members.joined(separator: ","))}".utf8)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    }

    private func quote(over extraData: [UInt8]) -> [UInt8] {
        let selected = (0..<24).filter { selection[$0 / 8] >> UInt8($0 % 8) & 1 != 0 }
        let digest = Array(SHA256.hash(data: selected.flatMap { registers[$0] }))
        let signer = [UInt8](repeating: 0x0B, count: 34)
        return [0xFF, 0x54, 0x43, 0x47, 0x80, 0x18, 0, UInt8(signer.count)] + signer + [0, UInt8(extraData.count)]
            + extraData + [UInt8](repeating: 7, count: 25) + [0, 0, 0, 1, 0, 0x0B, 3] + selection + [0, 32] + digest
    }

    private func tdReport(_ quote: [UInt8], _ reportData: [UInt8]) -> [UInt8] {
        var report = [UInt8](repeating: 0, count: 1024)
        report.put([0x81], at: 0)
        report.put(reportData, at: 128)
        // The body of a quote of version 4 starts at 48; attributes to RTMR3 are 400 bytes at 120 in it.
        report.put(domain ?? Array(quote[(48 + 120)..<(48 + 520)]), at: 512)
        report.put(Array(SHA384.hash(data: report[256..<495])), at: 32)
        report.put(Array(SHA384.hash(data: report[512..<1024])), at: 80)
        return report
    }

    package func collateral() throws -> [CollateralRole: [UInt8]] { try hardware.collateral() }
    package func trustedRoot() throws -> [UInt8]? { try hardware.trustedRoot() }

    package var policy: [String: String] {
        var members = hardware.policy
        members["tee"] = #"["\#(tee.rawValue)"]"#
        let pinned = (members["measurements"] ?? "{}").dropLast()
        members["measurements"] =
            pinned + [2, 4, 7, 8, 9, 12].map { #","pcr\#($0)":["\#(registers[$0].hex)"]"# }.joined() + "}"
        return members
    }
}

extension AzureFixture where Hardware == SNPFixture {
    package static func snp() -> AzureFixture { AzureFixture(.azureSNP, SNPFixture()) }
}

extension AzureFixture where Hardware == IntelFixture {
    package static func tdx() -> AzureFixture { AzureFixture(.azureTDX, IntelFixture.tdx(version: 4)) }
}

/// Keys of the tests' TPM, made once in each process.
package enum AzureKeys {
    package static let attestation = key()
    package static let stranger = key()

    private static func key() -> _RSA.Signing.PrivateKey {
        do { return try _RSA.Signing.PrivateKey(keySize: .bits2048) } catch {
            preconditionFailure("no RSA key could be made: \(error)")
        }
    }

    /// The runtime data of a machine with this key.
    package static func runtimeData(_ key: _RSA.Signing.PrivateKey, name: String = "HCLAkPub") -> String {
        do {
            let primitives = try key.publicKey.getKeyPrimitives()
            return runtimeData(Array(primitives.modulus), Array(primitives.publicExponent), name: name)
        } catch { preconditionFailure("an RSA key has no numbers: \(error)") }
    }

    package static func runtimeData(_ modulus: [UInt8], _ exponent: [UInt8], name: String = "HCLAkPub") -> String {
        func number(_ bytes: [UInt8]) -> String {
            Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
                "=", with: "")
        }
        return #"{"keys":[{"kid":"\#(name)","key_ops":["sign"],"kty":"RSA","e":"\#(number(exponent))","#
            + #""n":"\#(number(modulus))"}],"vm-configuration":{"secure-boot":true},"user-data":"00"}"#
    }
}
