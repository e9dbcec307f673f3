// SPDX-License-Identifier: Apache-2.0
/// An X.509 certificate (RFC 5280), parsed but not verified.
struct Certificate: Sendable {
    struct Extension: Sendable {
        let isCritical: Bool
        /// The octets inside the extension's OCTET STRING.
        let value: ArraySlice<UInt8>
    }

    let der: [UInt8]
    /// The bytes that the issuer signed.
    let signedBytes: ArraySlice<UInt8>
    /// Content octets of the INTEGER.
    let serialNumber: [UInt8]
    /// Names in DER; they are compared byte for byte.
    let issuer: [UInt8]
    let subject: [UInt8]
    let commonName: String
    let notBefore: Timestamp
    let notAfter: Timestamp
    let publicKey: PublicKey
    /// The `SubjectPublicKeyInfo` in DER.
    let publicKeyInfo: [UInt8]
    /// The keys are the content octets of the object identifiers.
    let extensions: [[UInt8]: Extension]
    let basicConstraints: BasicConstraints?
    /// Bits of RFC 5280, 4.2.1.3, the first in bit 7 of the first octet; `nil` when the extension is absent.
    let keyUsage: [UInt8]?
    let algorithm: SignatureAlgorithm
    let signature: [UInt8]

    struct BasicConstraints: Sendable, Hashable {
        let isAuthority: Bool
        let pathLength: Int?
    }

    init(der: [UInt8]) throws(CertificateFault) {
        self.der = der
        var outer = DERReader(der[...])
        var certificate = try outer.sequence("the certificate")
        try outer.finish("the certificate")
        let signed = try certificate.element(DERTag.sequence, "the certificate's content")
        self.signedBytes = signed.encoded
        let algorithm = try certificate.element(DERTag.sequence, "the signature algorithm")
        self.algorithm = try SignatureAlgorithm(algorithm.reader)
        self.signature = try certificate.bits("the signature")
        try certificate.finish("the certificate")

        var content = signed.reader
        var version = try content.element(DERTag.context(0), "the version").reader
        guard try version.smallInteger("the version") == 2 else { throw CertificateFault("the version is not 3") }
        self.serialNumber = try content.integer("the serial number")
        guard try content.element(DERTag.sequence, "the inner algorithm").encoded == algorithm.encoded else {
            throw CertificateFault("the two signature algorithms differ")
        }
        self.issuer = Array(try content.element(DERTag.sequence, "the issuer").encoded)
        var validity = try content.sequence("the validity")
        self.notBefore = try validity.time("notBefore")
        self.notAfter = try validity.time("notAfter")
        try validity.finish("the validity")
        let subject = try content.element(DERTag.sequence, "the subject")
        self.subject = Array(subject.encoded)
        self.commonName = try Self.commonName(subject.reader)
        let key = try content.element(DERTag.sequence, "the key")
        self.publicKeyInfo = Array(key.encoded)
        self.publicKey = try PublicKey(key)

        self.extensions = try Self.extensions(content.element(DERTag.context(3), "the extensions").reader)
        try content.finish("the certificate's content")
        self.basicConstraints = try extensions[ObjectIdentifiers.basicConstraints].map {
            value throws(CertificateFault) in try Self.basicConstraints(value.value)
        }
        self.keyUsage = try extensions[ObjectIdentifiers.keyUsage].map { value throws(CertificateFault) in
            var reader = DERReader(value.value)
            let bits = try reader.element(DERTag.bits, "the key usage")
            try reader.finish("the key usage")
            return Array(bits.content.dropFirst())
        }
    }

    /// Extensions that are critical and not understood make a certificate unusable.
    func hasUnknownCriticalExtension(besides known: Set<[UInt8]> = []) -> Bool {
        extensions.contains { identifier, value in
            value.isCritical && identifier != ObjectIdentifiers.basicConstraints
                && identifier != ObjectIdentifiers.keyUsage && !ObjectIdentifiers.ignored.contains(identifier)
                && !known.contains(identifier)
        }
    }

    /// keyCertSign is bit 5; digitalSignature is bit 0.
    var mayIssue: Bool {
        basicConstraints?.isAuthority == true && keyUsage.map { ($0.first ?? 0) & 0x04 != 0 } ?? true
    }
    var maySign: Bool { keyUsage.map { ($0.first ?? 0) & 0x80 != 0 } ?? true }

    /// Whether this certificate's key signed the other and the names link.
    func hasIssued(_ other: Certificate) -> Bool {
        other.issuer == subject && publicKey.isValid(other.signature, over: other.signedBytes, other.algorithm)
    }

    static func extensions(_ reader: DERReader) throws(CertificateFault) -> [[UInt8]: Extension] {
        var outer = reader
        var list = try outer.sequence("the extensions")
        try outer.finish("the extensions")
        var extensions: [[UInt8]: Extension] = [:]
        while !list.isAtEnd {
            var fields = try list.sequence("an extension")
            let identifier = try fields.identifier("an extension's identifier")
            let isCritical = fields.nextTag == DERTag.boolean ? try fields.boolean("an extension's flag") : false
            let value = try fields.element(DERTag.octets, "an extension's value").content
            try fields.finish("an extension")
            guard extensions.updateValue(Extension(isCritical: isCritical, value: value), forKey: identifier) == nil
            else { throw CertificateFault("an extension comes twice") }
        }
        return extensions
    }

    private static func basicConstraints(_ value: ArraySlice<UInt8>) throws(CertificateFault) -> BasicConstraints {
        var outer = DERReader(value)
        var fields = try outer.sequence("the basic constraints")
        try outer.finish("the basic constraints")
        let isAuthority = fields.nextTag == DERTag.boolean ? try fields.boolean("the CA flag") : false
        let pathLength = fields.isAtEnd ? nil : try fields.smallInteger("the path length")
        try fields.finish("the basic constraints")
        return BasicConstraints(isAuthority: isAuthority, pathLength: pathLength)
    }

    /// The last common name of a name; empty if there is none.
    private static func commonName(_ name: DERReader) throws(CertificateFault) -> String {
        var name = name
        var found = ""
        while !name.isAtEnd {
            var attributes = try name.element(DERTag.set, "a part of a name").reader
            while !attributes.isAtEnd {
                var attribute = try attributes.sequence("an attribute of a name")
                let identifier = try attribute.identifier("an attribute's type")
                let value = try attribute.element()
                try attribute.finish("an attribute of a name")
                if identifier == ObjectIdentifiers.commonName {
                    guard let text = String(validating: value.content, as: UTF8.self) else {
                        throw CertificateFault("a common name is not text")
                    }
                    found = text
                }
            }
        }
        return found
    }
}
