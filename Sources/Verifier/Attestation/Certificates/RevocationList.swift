// SPDX-License-Identifier: Apache-2.0
/// A certificate revocation list (RFC 5280, section 5), parsed but not verified.
struct RevocationList: Sendable {
    let issuer: [UInt8]
    let thisUpdate: Timestamp
    let nextUpdate: Timestamp
    /// Whether the list has a number and the identifier of its authority's key; Intel's lists must have both.
    let isNumbered: Bool
    private let revoked: Set<[UInt8]>
    private let signedBytes: ArraySlice<UInt8>
    private let algorithm: SignatureAlgorithm
    private let signature: [UInt8]

    init(der: [UInt8]) throws(CertificateFault) {
        var outer = DERReader(der[...])
        var list = try outer.sequence("the revocation list")
        try outer.finish("the revocation list")
        let signed = try list.element(DERTag.sequence, "the list's content")
        self.signedBytes = signed.encoded
        let algorithm = try list.element(DERTag.sequence, "the signature algorithm")
        self.algorithm = try SignatureAlgorithm(algorithm.reader)
        self.signature = try list.bits("the signature")
        try list.finish("the revocation list")

        var content = signed.reader
        guard try content.smallInteger("the version") == 1 else { throw CertificateFault("the version is not 2") }
        guard try content.element(DERTag.sequence, "the inner algorithm").encoded == algorithm.encoded else {
            throw CertificateFault("the two signature algorithms differ")
        }
        self.issuer = Array(try content.element(DERTag.sequence, "the issuer").encoded)
        self.thisUpdate = try content.time("thisUpdate")
        self.nextUpdate = try content.time("nextUpdate")

        // An empty list of revoked certificates is an absent one.
        var revoked: Set<[UInt8]> = []
        if var entries = try content.optional(DERTag.sequence)?.reader {
            while !entries.isAtEnd {
                var entry = try entries.sequence("a revoked certificate")
                revoked.insert(try entry.integer("a revoked serial number"))
            }
        }
        self.revoked = revoked
        let extensions = try content.optional(DERTag.context(0)).map { list throws(CertificateFault) in
            try Certificate.extensions(list.reader)
        }
        try content.finish("the list's content")

        // A delta list, or a list for only some certificates, states this in a critical extension.
        guard !(extensions ?? [:]).contains(where: { $0.value.isCritical }) else {
            throw CertificateFault("the list has a critical extension, which makes it a partial one")
        }
        isNumbered =
            extensions?[ObjectIdentifiers.authorityKeyIdentifier] != nil
            && extensions?[ObjectIdentifiers.crlNumber] != nil
    }

    func isIssued(by authority: Certificate) -> Bool {
        issuer == authority.subject && authority.publicKey.isValid(signature, over: signedBytes, algorithm)
    }

    func lists(_ certificate: Certificate) -> Bool { revoked.contains(certificate.serialNumber) }
}
