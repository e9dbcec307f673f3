// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras

/// The public key of a certificate.
enum PublicKey: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)

    /// Reads a `SubjectPublicKeyInfo`. A point that is not on its curve is refused.
    init(_ info: DERElement) throws(CertificateFault) {
        var reader = info.reader
        var algorithm = try reader.sequence("the key's algorithm")
        let kind = try algorithm.identifier("the key's algorithm")
        let key: PublicKey?
        switch kind {
        case ObjectIdentifiers.ellipticCurveKey:
            let curve = try algorithm.identifier("the key's curve")
            let point = try reader.bits("the key")
            key =
                switch curve {
                case ObjectIdentifiers.p256:
                    (try? P256.Signing.PublicKey(x963Representation: point)).map(PublicKey.p256)
                case ObjectIdentifiers.p384:
                    (try? P384.Signing.PublicKey(x963Representation: point)).map(PublicKey.p384)
                default: nil
                }
        case ObjectIdentifiers.rsaKey:
            _ = try algorithm.optional(DERTag.null)
            _ = try reader.bits("the key")
            key = (try? _RSA.Signing.PublicKey(derRepresentation: Array(info.encoded))).map(PublicKey.rsa)
        default: key = nil
        }
        try algorithm.finish("the key's algorithm")
        try reader.finish("the key")
        guard let key else { throw CertificateFault("the key is not on P-256 or P-384, nor a sound RSA key") }
        self = key
    }

    /// - Parameter point: X and Y of a point on P-384, 96 bytes.
    init(p384 point: [UInt8]) throws { self = .p384(try P384.Signing.PublicKey(rawRepresentation: point)) }

    /// - Parameter signature: In the form that certificates use: DER for ECDSA.
    func isValid(
        _ signature: [UInt8], over message: ArraySlice<UInt8>, _ algorithm: SignatureAlgorithm
    ) -> Bool {
        switch (self, algorithm) {
        case (.p256(let key), .ecdsaSHA256):
            guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: SHA256.hash(data: message))
        case (.p384(let key), .ecdsaSHA384):
            guard let signature = try? P384.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: SHA384.hash(data: message))
        case (.rsa(let key), .rsaPSSSHA384):
            // The library uses a salt as long as the digest, 48 bytes, and so does AMD.
            let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
            return key.isValidSignature(signature, for: SHA384.hash(data: message), padding: .PSS)
        default: return false
        }
    }
}

/// ECDSA with keys and signatures as plain big-endian numbers, the form in quotes, collateral and COSE.
enum RawECDSA {
    /// - Parameter key: X and Y of a P-256 point.
    static func isValidP256(_ signature: [UInt8], over message: [UInt8], key: [UInt8]) -> Bool {
        guard let key = try? P256.Signing.PublicKey(rawRepresentation: key) else { return false }
        return isValid(signature, over: message, key: .p256(key))
    }

    /// - Parameter signature: R and S, each as long as the curve's numbers.
    static func isValid(_ signature: [UInt8], over message: [UInt8], key: PublicKey) -> Bool {
        switch key {
        case .p256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: SHA256.hash(data: message))
        case .p384(let key):
            guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: SHA384.hash(data: message))
        case .rsa: return false
        }
    }
}
