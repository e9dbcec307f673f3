// SPDX-License-Identifier: Apache-2.0
/// The signature algorithms of the three vendors.
enum SignatureAlgorithm: Sendable, Hashable {
    case ecdsaSHA256
    case ecdsaSHA384
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes.
    case rsaPSSSHA384

    /// Reads an `AlgorithmIdentifier`.
    init(_ reader: DERReader) throws(CertificateFault) {
        var reader = reader
        switch try reader.identifier("the signature algorithm") {
        case ObjectIdentifiers.ecdsaSHA256: self = .ecdsaSHA256
        case ObjectIdentifiers.ecdsaSHA384: self = .ecdsaSHA384
        case ObjectIdentifiers.rsaPSS:
            try Self.checkPSS(reader.sequence("the PSS parameters"))
            self = .rsaPSSSHA384
        default: throw CertificateFault("the signature algorithm is none of those that vendors use")
        }
        try reader.finish("the signature algorithm")
    }

    /// RFC 4055, section 3.1. Only SHA-384 is accepted, in every field; the trailer field may be explicit.
    private static func checkPSS(_ parameters: DERReader) throws(CertificateFault) {
        var parameters = parameters
        let what = "the PSS parameters"
        var hash = try parameters.element(DERTag.context(0), what).reader
        try checkSHA384(&hash)
        var mask = try parameters.element(DERTag.context(1), what).reader
        var maskAlgorithm = try mask.sequence(what)
        guard try maskAlgorithm.identifier(what) == ObjectIdentifiers.mgf1 else {
            throw CertificateFault("the PSS mask is not MGF1")
        }
        try checkSHA384(&maskAlgorithm)
        var salt = try parameters.element(DERTag.context(2), what).reader
        guard try salt.smallInteger("the PSS salt") == 48 else { throw CertificateFault("the PSS salt is not 48") }
        if var trailer = try parameters.optional(DERTag.context(3))?.reader {
            guard try trailer.smallInteger(what) == 1 else { throw CertificateFault("the PSS trailer is not 1") }
        }
        try parameters.finish(what)
    }

    private static func checkSHA384(_ reader: inout DERReader) throws(CertificateFault) {
        var algorithm = try reader.sequence("the hash of PSS")
        guard try algorithm.identifier("the hash of PSS") == ObjectIdentifiers.sha384 else {
            throw CertificateFault("the hash of PSS is not SHA-384")
        }
        _ = try algorithm.optional(DERTag.null)
        try algorithm.finish("the hash of PSS")
    }
}
