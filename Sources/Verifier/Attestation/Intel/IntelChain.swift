// SPDX-License-Identifier: Apache-2.0
/// Chains below the Intel SGX Root CA, sorted by subject, since some quotes have another order.
struct IntelChain: Sendable {
    /// Root first.
    let certificates: [Certificate]

    var root: Certificate { certificates[0] }
    var leaf: Certificate { certificates[certificates.count - 1] }

    static let rootName = "Intel SGX Root CA"
    static let signerName = "Intel SGX TCB Signing"
    private static let pckName = "Intel SGX PCK Certificate"
    private static let authorityNames: Set<String> = ["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"]

    /// The PCK certificate, its CA and the root.
    init(pck certificates: [Certificate]) throws(CertificateFault) {
        self.certificates = [
            try Self.one(certificates, "'\(Self.rootName)'") { $0.commonName == Self.rootName },
            try Self.one(certificates, "a PCK CA") { Self.authorityNames.contains($0.commonName) },
            try Self.one(certificates, "'\(Self.pckName)'") { $0.commonName == Self.pckName },
        ]
    }

    /// The signer of TCB info and QE identity, and the root.
    init(signer certificates: [Certificate]) throws(CertificateFault) {
        self.certificates = [
            try Self.one(certificates, "'\(Self.rootName)'") { $0.commonName == Self.rootName },
            try Self.one(certificates, "'\(Self.signerName)'") { $0.commonName == Self.signerName },
        ]
    }

    private static func one(
        _ certificates: [Certificate], _ what: String, _ matches: (Certificate) -> Bool
    ) throws(CertificateFault) -> Certificate {
        let found = certificates.filter(matches)
        guard found.count == 1, let certificate = found.first else {
            throw CertificateFault("the chain has \(found.count) certificates of \(what); expected 1")
        }
        return certificate
    }
}
