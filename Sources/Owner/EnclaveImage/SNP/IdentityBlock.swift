package import Crypto

/// A statement of the owner that goes with a guest: AMD's firmware starts it only with this launch digest and policy, and
/// reports state the digest of the owner's key, so that a policy can pin the signer and a least version of the guest.
///
/// - Source: AMD 56860, SEV-SNP Firmware ABI, sections 8.18 and 10 (ID_BLOCK, ID_AUTH_INFO).
package struct IdentityBlock: Sendable, Hashable {
    private static let version: UInt32 = 1
    private static let ecdsaP384: UInt32 = 1
    private static let curveP384: UInt32 = 2
    private static let numberBytes = 72

    /// 48 bytes.
    package let launchDigest: [UInt8]
    /// 16 bytes each, of the owner's choice.
    package let familyID: [UInt8]
    package let imageID: [UInt8]
    package let guestSVN: UInt32
    /// The guest policy, as the host has to give it.
    package let policy: UInt64

    /// - Throws: ``ImageError`` (invalidArgument) for a field of another length.
    package init(
        launchDigest: [UInt8], familyID: [UInt8] = .init(repeating: 0, count: 16),
        imageID: [UInt8] = .init(repeating: 0, count: 16), guestSVN: UInt32, policy: UInt64
    ) throws(ImageError) {
        guard launchDigest.count == 48, familyID.count == 16, imageID.count == 16 else {
            throw ImageError(.invalidArgument, "an identity block has a digest of 48 bytes and identifiers of 16 bytes")
        }
        self.launchDigest = launchDigest
        self.familyID = familyID
        self.imageID = imageID
        self.guestSVN = guestSVN
        self.policy = policy
    }

    /// 96 bytes: what the key signs.
    package func encoded() -> [UInt8] {
        launchDigest + familyID + imageID + .littleEndian(Self.version) + .littleEndian(guestSVN)
            + .littleEndian(policy)
    }

    /// The authentication information that goes with the block, 4096 bytes. There is no author key.
    package func authentication(by key: P384.Signing.PrivateKey) throws -> [UInt8] {
        let signature = Array(try key.signature(for: SHA384.hash(data: encoded())).rawRepresentation)
        let start: [UInt8] = .littleEndian(Self.ecdsaP384) + .zeros(4 + 56)
        let signed = Self.number(signature[..<48]) + Self.number(signature[48...]) + .zeros(512 - 2 * Self.numberBytes)
        let known = start + signed + Self.publicKey(key.publicKey)
        return known + .zeros(4096 - known.count)
    }

    /// `id_key_digest` of reports: SHA-384 of the key as the authentication information has it.
    package static func keyDigest(_ key: P384.Signing.PublicKey) -> [UInt8] {
        Array(SHA384.hash(data: publicKey(key)))
    }

    /// 1028 bytes.
    private static func publicKey(_ key: P384.Signing.PublicKey) -> [UInt8] {
        let point = Array(key.rawRepresentation)
        let known = [UInt8].littleEndian(curveP384) + number(point[..<48]) + number(point[48...])
        return known + .zeros(1028 - known.count)
    }

    /// A number in 72 bytes, little-endian.
    private static func number(_ bigEndian: ArraySlice<UInt8>) -> [UInt8] {
        bigEndian.reversed() + .zeros(numberBytes - bigEndian.count)
    }
}
