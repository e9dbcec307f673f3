// SPDX-License-Identifier: Apache-2.0
import Crypto

/// A statement signed by the owner for a guest (ID block). AMD's firmware starts the guest only with this launch digest
/// and policy, and reports contain the digest of the owner's key, so that a policy can pin the signer and a least
/// version of the guest.
///
/// - Source: AMD 56860, SEV-SNP Firmware ABI, sections 8.18 and 10 (ID_BLOCK, ID_AUTH_INFO).
package struct IdentityBlock: Sendable, Hashable {
    private static let version: UInt32 = 1
    private static let ecdsaP384: UInt32 = 1
    private static let curveP384: UInt32 = 2
    private static let numberBytes = 72

    /// 48 bytes.
    package let launchDigest: [UInt8]
    /// 16 bytes each, chosen by the owner.
    package let familyID: [UInt8]
    package let imageID: [UInt8]
    package let guestSVN: UInt32
    /// The guest policy, which the host must use as well.
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

    /// 96 bytes: the signed message.
    package func encoded() -> [UInt8] {
        launchDigest + familyID + imageID + .littleEndian(Self.version) + .littleEndian(guestSVN)
            + .littleEndian(policy)
    }

    /// The ID authentication information for the block, 4096 bytes. There is no author key; its algorithm field is set
    /// as AMD's tools do.
    ///
    /// - Parameters:
    ///   - signature: Over the SHA-384 of ``encoded()``, ECDSA on P-384: R and S, 96 bytes, big-endian.
    ///   - publicKey: X and Y, 96 bytes, big-endian.
    /// - Throws: ``ImageError`` (invalidArgument) for other lengths.
    package static func authentication(
        signature: [UInt8], publicKey: [UInt8]
    ) throws(ImageError) -> [UInt8] {
        guard signature.count == 96, publicKey.count == 96 else {
            throw ImageError(.invalidArgument, "an identity block's key and signature have 96 bytes each")
        }
        let start: [UInt8] = .littleEndian(ecdsaP384) + .littleEndian(ecdsaP384) + .zeros(56)
        let signed = number(signature[..<48]) + number(signature[48...]) + .zeros(512 - 2 * numberBytes)
        let known = start + signed + encoded(publicKey)
        return known + .zeros(4096 - known.count)
    }

    /// `id_key_digest` of reports: SHA-384 of the key in the authentication information.
    ///
    /// - Returns: `nil` for bytes that are no authentication information.
    package static func keyDigest(authentication: [UInt8]) -> [UInt8]? {
        guard authentication.count == 4096 else { return nil }
        return Array(SHA384.hash(data: authentication[576..<1604]))
    }

    /// Whether authentication information contains a valid signature over a block by the key in it.
    ///
    /// - Parameter block: As ``encoded()``.
    package static func isSigned(_ block: [UInt8], authentication: [UInt8]) -> Bool {
        guard authentication.count == 4096 else { return false }
        let (signature, point) = (64, 576 + 4)
        let parts = [signature, signature + numberBytes, point, point + numberBytes].map { offset in
            // Numbers of 48 bytes in fields of 72: the other bytes are zero.
            (
                bytes: Array(authentication[offset..<(offset + 48)].reversed()),
                isInRange: authentication[(offset + 48)..<(offset + numberBytes)].allSatisfy { $0 == 0 }
            )
        }
        guard authentication.starts(with: .littleEndian(ecdsaP384) as [UInt8]), parts.allSatisfy(\.isInRange),
            authentication[576..<580].elementsEqual(.littleEndian(curveP384) as [UInt8]),
            let key = try? P384.Signing.PublicKey(rawRepresentation: parts[2].bytes + parts[3].bytes),
            let value = try? P384.Signing.ECDSASignature(rawRepresentation: parts[0].bytes + parts[1].bytes)
        else { return false }
        return key.isValidSignature(value, for: SHA384.hash(data: block))
    }

    /// 1028 bytes.
    private static func encoded(_ point: [UInt8]) -> [UInt8] {
        let known = [UInt8].littleEndian(curveP384) + number(point[..<48]) + number(point[48...])
        return known + .zeros(1028 - known.count)
    }

    /// A number in 72 bytes, little-endian.
    private static func number(_ bigEndian: ArraySlice<UInt8>) -> [UInt8] {
        bigEndian.reversed() + .zeros(numberBytes - bigEndian.count)
    }
}
