// SPDX-License-Identifier: Apache-2.0
/// Content octets of the object identifiers that are used in certificates.
enum ObjectIdentifiers {
    static let commonName = encode([2, 5, 4, 3])
    static let keyUsage = encode([2, 5, 29, 15])
    static let basicConstraints = encode([2, 5, 29, 19])
    static let crlNumber = encode([2, 5, 29, 20])
    static let authorityKeyIdentifier = encode([2, 5, 29, 35])
    /// Subject key identifier, CRL distribution points, extended key usage: their contents are not needed here.
    static let ignored: Set<[UInt8]> = [encode([2, 5, 29, 14]), encode([2, 5, 29, 31]), encode([2, 5, 29, 37])]

    static let ellipticCurveKey = encode([1, 2, 840, 10045, 2, 1])
    static let p256 = encode([1, 2, 840, 10045, 3, 1, 7])
    static let p384 = encode([1, 3, 132, 0, 34])
    static let rsaKey = encode([1, 2, 840, 113549, 1, 1, 1])
    static let ecdsaSHA256 = encode([1, 2, 840, 10045, 4, 3, 2])
    static let ecdsaSHA384 = encode([1, 2, 840, 10045, 4, 3, 3])
    static let rsaPSS = encode([1, 2, 840, 113549, 1, 1, 10])
    static let mgf1 = encode([1, 2, 840, 113549, 1, 1, 8])
    static let sha384 = encode([2, 16, 840, 1, 101, 3, 4, 2, 2])

    /// Intel SGX PCK Certificate and CRL Profile.
    static let sgxExtension = encode([1, 2, 840, 113741, 1, 13, 1])
    /// AMD 57230, VCEK Certificate and KDS Interface.
    static let amdExtension = encode([1, 3, 6, 1, 4, 1, 3704, 1])

    /// X.690, 8.19. At least two arcs, as every identifier has.
    static func encode(_ arcs: [Int]) -> [UInt8] {
        ([arcs[0] * 40 + arcs[1]] + arcs[2...]).flatMap { arc in
            var octets = [UInt8(arc & 0x7F)]
            var rest = arc >> 7
            while rest > 0 {
                octets.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
                rest >>= 7
            }
            return octets
        }
    }
}
