// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import FoundationEssentials

/// The keys that messages to one enclave are sealed to: one for X-Wing and one for X25519, both with HKDF-SHA256 and
/// AES-256-GCM. Generated at the start and at each change of keys, never stored.
///
/// swift-crypto holds the private keys. It wipes the X25519 key when its last owner releases it, and locks neither.
package struct ChannelKeyPair: Sendable {
    let recipients: [RecipientKey]

    /// The exact bytes of the `application/ohttp-keys` list: X-Wing first, then X25519.
    package let keyConfiguration: [UInt8]
    /// SHA-256 of ``keyConfiguration``.
    package let keyConfigurationDigest: ContentDigest

    /// Fresh keys under two different random identifiers.
    ///
    /// - Parameter identifiers: Two or more to choose from; fewer are a programming error of the caller.
    /// - Throws: ``SealedChannelError`` `.cryptography`.
    package static func generate(
        identifiers: some Collection<UInt8> = 0...255
    ) throws(SealedChannelError) -> ChannelKeyPair {
        let chosen = Set(identifiers).shuffled().prefix(2)
        guard let first = chosen.first, let second = chosen.last, first != second else {
            throw SealedChannelError(.cryptography, "two keys need two identifiers")
        }
        do {
            return ChannelKeyPair([
                RecipientKey(first, .xWing(try XWingMLKEM768X25519.PrivateKey.generate())),
                RecipientKey(second, .x25519(Curve25519.KeyAgreement.PrivateKey())),
            ])
        } catch {
            throw SealedChannelError(.cryptography, "key generation failed")
        }
    }

    init(_ recipients: [RecipientKey]) {
        self.recipients = recipients
        keyConfiguration = KeyConfiguration.encodeList(recipients.map(\.configuration))
        keyConfigurationDigest = ContentDigest(of: keyConfiguration)
    }

    /// A single given X25519 key, for published vectors.
    package init(
        keyIdentifier: UInt8, x25519 privateKey: [UInt8], algorithms: [KeyConfiguration.SymmetricAlgorithms]
    ) throws(SealedChannelError) {
        do {
            let key = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: privateKey)
            self.init([RecipientKey(keyIdentifier, .x25519(key), algorithms)])
        } catch {
            throw SealedChannelError(.invalidValue, "an X25519 private key has 32 bytes, found \(privateKey.count)")
        }
    }

    /// A single given X-Wing key, for vectors made elsewhere.
    package init(keyIdentifier: UInt8, xWingSeed: [UInt8]) throws(SealedChannelError) {
        do {
            let key = try XWingMLKEM768X25519.PrivateKey(seedRepresentation: xWingSeed, publicKey: nil)
            self.init([RecipientKey(keyIdentifier, .xWing(key))])
        } catch {
            throw SealedChannelError(.invalidValue, "an X-Wing seed has 32 bytes, found \(xWingSeed.count)")
        }
    }

    /// The public halves, X-Wing first.
    package var configurations: [KeyConfiguration] { recipients.map(\.configuration) }
}

/// One private key with its public configuration.
struct RecipientKey: Sendable {
    enum PrivateKey: Sendable {
        case xWing(XWingMLKEM768X25519.PrivateKey)
        case x25519(Curve25519.KeyAgreement.PrivateKey)
    }

    let privateKey: PrivateKey
    let configuration: KeyConfiguration

    init(
        _ keyIdentifier: UInt8, _ privateKey: PrivateKey,
        _ algorithms: [KeyConfiguration.SymmetricAlgorithms] = [.standard]
    ) {
        self.privateKey = privateKey
        let (kem, publicKey): (KeyEncapsulation, Data) =
            switch privateKey {
            case .xWing(let key): (.xWing, key.publicKey.rawRepresentation)
            case .x25519(let key): (.x25519, key.publicKey.rawRepresentation)
            }
        configuration = KeyConfiguration(
            keyIdentifier: keyIdentifier, kem: kem, publicKey: Array(publicKey), algorithms: algorithms)
    }

    func accepts(_ header: EncapsulationHeader) -> Bool {
        configuration.keyIdentifier == header.keyIdentifier && configuration.kem == header.kem
            && configuration.algorithms.contains {
                $0.keyDerivation == EncapsulationHeader.keyDerivation && $0.cipher == header.cipher.rawValue
            }
    }
}
