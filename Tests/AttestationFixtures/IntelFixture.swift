// SPDX-License-Identifier: Apache-2.0
import Attestation
import Crypto
package import Evidence

/// A quote of a test's own quoting enclave, with PKI and collateral.
package struct IntelFixture: EvidenceFixture {
    package let tee: TEEKind
    package var version: UInt16
    package var keyType: UInt16 = 2
    /// 584, 648 or 384 bytes; the report data is put in when the quote is made.
    package var body: [UInt8]
    /// 384 bytes; the report data is put in when the quote is made.
    package var quotingEnclave: [UInt8]
    /// What the quoting enclave vouches for in place of its attestation key.
    package var binding: [UInt8]?

    // Who signs. Each is another key than it should be in some test.
    package var attestationKey = Self.keys.attestation
    package var quoteSigner = Self.keys.attestation
    package var qeReportSigner = Self.keys.pck

    package var rootCertificate: TestCertificate
    package var authority: TestCertificate
    package var pckCertificate: TestCertificate
    package var platform = PCK()
    package var rootList: TestRevocationList
    package var pckList: TestRevocationList
    package var tcbInfo: TCBInfo
    package var tcbInfoSigner: StatementSigner
    package var qeIdentity = QEIdentity()
    package var qeIdentitySigner: StatementSigner
    /// 5 is the chain of the PCK certificate.
    package var certificationKind: UInt16 = 5
    package var missing: Set<CollateralRole> = []
    /// The root that the verifier is told to trust, if not the fixture's.
    package var trusted: TestCertificate?
    /// The part of the PCK certificate's chain that the quote contains, made from the PEM of its three certificates.
    package var chain: @Sendable (_ pck: [UInt8], _ authority: [UInt8], _ root: [UInt8]) -> [UInt8] = { $0 + $1 + $2 }
    /// Bytes behind the quote, as clouds return them.
    package var padding = 0

    package static let keys = (
        root: TestKey.p256(), authority: TestKey.p256(), pck: TestKey.p256(), attestation: TestKey.p256(),
        signer: TestKey.p256(), stranger: TestKey.p256()
    )

    private init(_ tee: TEEKind, version: UInt16, body: [UInt8]) {
        self.tee = tee
        self.version = version
        self.body = body
        quotingEnclave = [UInt8](repeating: 0, count: 384)
        quotingEnclave.put([0x15], at: 48)
        quotingEnclave.put([UInt8](repeating: 0x51, count: 32), at: 128)
        quotingEnclave.put([tee == .tdx ? 2 : 1, 0, 8, 0], at: 256)
        rootCertificate = TestCertificate("Intel SGX Root CA", Self.keys.root)
        authority = TestCertificate("Intel SGX PCK Platform CA", Self.keys.authority, by: rootCertificate)
        authority.serial = 2
        pckCertificate = TestCertificate(
            "Intel SGX PCK Certificate", Self.keys.pck, by: authority, isAuthority: false)
        pckCertificate.serial = 0x1234
        rootList = TestRevocationList(by: rootCertificate)
        pckList = TestRevocationList(by: authority)
        tcbInfo = TCBInfo(id: tee == .tdx ? "TDX" : "SGX")
        tcbInfoSigner = StatementSigner(by: rootCertificate, serial: 3)
        qeIdentitySigner = StatementSigner(by: rootCertificate, serial: 4)
        qeIdentity.id = tee == .tdx ? "TD_QE" : "QE"
        qeIdentity.productID = tee == .tdx ? 2 : 1
    }

    /// - Parameter version: 3, 4 or 5.
    package static func sgx(version: UInt16 = 3) -> IntelFixture {
        var body = [UInt8](repeating: 0, count: 384)
        body.put([0x05], at: 48)
        body.put([UInt8](repeating: 0xE1, count: 32), at: 64)
        body.put([UInt8](repeating: 0xE2, count: 32), at: 128)
        body.put([7, 0, 3, 0], at: 256)
        return IntelFixture(.sgx, version: version, body: body)
    }

    /// - Parameter is15: Whether the TD report is of version 1.5, which quotes of version 5 have.
    package static func tdx(version: UInt16 = 4, is15: Bool = false) -> IntelFixture {
        var body = [UInt8](repeating: 0, count: is15 ? 648 : 584)
        body.put([5, 1, 3], at: 0)
        body.put([UInt8](repeating: 0xD1, count: 48), at: 16)
        body.put([0, 0, 0, 0x10], at: 120)
        body.put([UInt8](repeating: 0xD2, count: 48), at: 136)
        for register in 0..<4 {
            body.put([UInt8](repeating: 0xA0 + UInt8(register), count: 48), at: 328 + 48 * register)
        }
        if is15 { body.put([5, 1, 3], at: 584) }
        return IntelFixture(.tdx, version: version, body: body)
    }

    package func trustedRoot() throws -> [UInt8]? { try root() }

    /// The root that is trusted, PEM.
    package func root() throws -> [UInt8] { try (trusted ?? rootCertificate).pem() }

    package var policy: [String: String] {
        var members = [
            "version": "2", "tee": "[\"\(tee.rawValue)\"]", "advisories": "[]", "minimumEvaluationDataNumber": "17",
            "minimumTCB": tee == .tdx ? #"{"module":5}"# : #"{"isvsvn":3}"#,
        ]
        func repeated(_ byte: UInt8, _ count: Int) -> String { [UInt8](repeating: byte, count: count).hex }
        if tee == .tdx {
            members["measurements"] =
                #"{"mrtd":["\#(repeated(0xD2, 48))"],"rtmr1":["\#(repeated(0xA1, 48))"],"rtmr2":["\#(repeated(0xA2, 48))"]}"#
            members["flags"] = #"{"septVEDisable":true}"#
        } else {
            members["measurements"] = #"{"mrenclave":["\#(repeated(0xE1, 32))"]}"#
            members["productID"] = "7"
        }
        return members
    }
}

extension IntelFixture {
    package func evidence(over reportData: [UInt8]) throws -> [UInt8] {
        var body = self.body
        body.put(reportData, at: tee == .tdx ? 520 : 320)
        var header = [UInt8](repeating: 0, count: 48)
        header.put(.littleEndian(version) + .littleEndian(keyType) + [tee == .tdx ? 0x81 : 0], at: 0)
        header.put(
            [0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C, 0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3, 0x95, 0x7F, 0x06, 0x07], at: 12)
        var signed = header
        if version == 5 {
            let kind: UInt16 = [384: 1, 584: 2, 648: 3][body.count] ?? 4
            signed += .littleEndian(kind) + .littleEndian(UInt32(body.count))
        }
        signed += body

        let authentication = (0..<32).map { UInt8($0) }
        var report = quotingEnclave
        report.put(binding ?? Array(SHA256.hash(data: attestationKey.point + authentication)), at: 320)
        let chain = try chain(pckDER().pem(), authority.pem(), rootCertificate.pem())
        let certification =
            try report + qeReportSigner.rawSignature(over: report) + .littleEndian(UInt16(authentication.count))
            + authentication + .littleEndian(certificationKind) + .littleEndian(UInt32(chain.count)) + chain
        var data = try quoteSigner.rawSignature(over: signed) + attestationKey.point
        data += version == 3 ? [] : .littleEndian(UInt16(6)) + .littleEndian(UInt32(certification.count))
        data += certification
        return signed + .littleEndian(UInt32(data.count)) + data + [UInt8](repeating: 0, count: padding)
    }

    private func pckDER() -> TestCertificate {
        var certificate = pckCertificate
        certificate.extensions.append(platform.certificateExtension)
        return certificate
    }

    package func collateral() throws -> [CollateralRole: [UInt8]] {
        let all: [CollateralRole: [UInt8]] = [
            .rootCACRL: try rootList.der(), .pckCRL: try pckList.der(),
            .tcbInfo: try tcbInfoSigner.signed(tcbInfo.json, "tcbInfo"), .tcbInfoIssuerChain: try tcbInfoSigner.chain(),
            .qeIdentity: try qeIdentitySigner.signed(qeIdentity.json, "enclaveIdentity"),
            .qeIdentityIssuerChain: try qeIdentitySigner.chain(),
        ]
        return all.filter { !missing.contains($0.key) }
    }
}

/// The signers of TCB info and QE identity: in reality one certificate, here two, so that one alone can be wrong.
package struct StatementSigner: Sendable {
    package var certificate: TestCertificate
    package var root: TestCertificate
    /// The key that really signs.
    package var key = IntelFixture.keys.signer

    init(by root: TestCertificate, serial: Int) {
        self.root = root
        certificate = TestCertificate("Intel SGX TCB Signing", IntelFixture.keys.signer, by: root, isAuthority: false)
        certificate.serial = serial
    }

    func chain() throws -> [UInt8] { try certificate.pem() + root.pem() }

    func signed(_ json: String, _ member: String) throws -> [UInt8] {
        let signature = try key.rawSignature(over: Array(json.utf8)).hex
        return Array(#"{"\#(member)":\#(json),"signature":"\#(signature)"}"#.utf8)
    }
}
