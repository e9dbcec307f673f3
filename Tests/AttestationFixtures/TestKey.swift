// SPDX-License-Identifier: Apache-2.0
package import Crypto
package import CryptoExtras
import Synchronization

/// A private key for tests, of one of the kinds that vendors use. Keys are made once in each process.
package enum TestKey: Sendable {
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)

    package static func p256() -> TestKey { .p256(P256.Signing.PrivateKey()) }
    package static func p384() -> TestKey { .p384(P384.Signing.PrivateKey()) }

    /// RSA-4096, as AMD's authorities have.
    package static func rsa() -> TestKey {
        do { return .rsa(try _RSA.Signing.PrivateKey(keySize: .bits4096)) } catch {
            preconditionFailure("no RSA key could be made: \(error)")
        }
    }

    /// The `SubjectPublicKeyInfo`.
    var publicKeyInfo: [UInt8] {
        switch self {
        case .p256(let key): Array(key.publicKey.derRepresentation)
        case .p384(let key): Array(key.publicKey.derRepresentation)
        case .rsa(let key): Array(key.publicKey.derRepresentation)
        }
    }

    /// X and Y of a point.
    var point: [UInt8] {
        switch self {
        case .p256(let key): Array(key.publicKey.rawRepresentation)
        case .p384(let key): Array(key.publicKey.rawRepresentation)
        case .rsa: []
        }
    }

    /// The `AlgorithmIdentifier` of ``signature(over:)``.
    var algorithm: [UInt8] {
        switch self {
        case .p256: DER.sequence(DER.identifier([1, 2, 840, 10045, 4, 3, 2]))
        case .p384: DER.sequence(DER.identifier([1, 2, 840, 10045, 4, 3, 3]))
        case .rsa:
            DER.sequence(
                DER.identifier([1, 2, 840, 113549, 1, 1, 10]),
                DER.sequence(
                    DER.context(0, Self.sha384),
                    DER.context(1, DER.sequence(DER.identifier([1, 2, 840, 113549, 1, 1, 8]), Self.sha384)),
                    DER.context(2, DER.integer(48))))
        }
    }

    private static let sha384 = DER.sequence(DER.identifier([2, 16, 840, 1, 101, 3, 4, 2, 2]), DER.null)

    /// Signatures are random. With these, a certificate that is made twice is the same, as pinned roots require.
    private static let made = Mutex<[[UInt8]: [UInt8]]>([:])

    /// As certificates have it.
    func signature(over message: [UInt8]) throws -> [UInt8] {
        let content = publicKeyInfo + message
        if let known = Self.made.withLock({ $0[content] }) { return known }
        let signature = try newSignature(over: message)
        return Self.made.withLock { made in
            if let known = made[content] { return known }
            made[content] = signature
            return signature
        }
    }

    private func newSignature(over message: [UInt8]) throws -> [UInt8] {
        switch self {
        case .p256(let key): Array(try key.signature(for: SHA256.hash(data: message)).derRepresentation)
        case .p384(let key): Array(try key.signature(for: SHA384.hash(data: message)).derRepresentation)
        case .rsa(let key):
            Array(try key.signature(for: SHA384.hash(data: message), padding: .PSS).rawRepresentation)
        }
    }

    /// R and S, as quotes, reports and COSE have it.
    func rawSignature(over message: [UInt8]) throws -> [UInt8] {
        switch self {
        case .p256(let key): Array(try key.signature(for: SHA256.hash(data: message)).rawRepresentation)
        case .p384(let key): Array(try key.signature(for: SHA384.hash(data: message)).rawRepresentation)
        case .rsa: []
        }
    }
}
