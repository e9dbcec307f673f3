import SealedChannel
import Wire

/// What the host has loaded so far of a bundle, in any order. A class, so that chunks are appended in place.
final class BundleAssembly {
    private var manifest: VerifiedManifest?
    private var frontNet = PartAssembly()
    private var mappingUnit = PartAssembly()

    /// The whole bundle, once it is there.
    var bundle: SealedBundle? {
        guard let manifest, let frontNet = frontNet.whole, let mappingUnit = mappingUnit.whole else { return nil }
        return SealedBundle(manifest: manifest, frontNet: frontNet, mappingUnit: mappingUnit)
    }

    /// - Throws: ``EnclaveRefusal``: `unexpected` for a second manifest, `manifestUnauthorized`.
    func load(manifest bytes: [UInt8], signature: [UInt8], owner: [UInt8]) throws(EnclaveRefusal) {
        guard manifest == nil else { throw EnclaveRefusal(.unexpected) }
        manifest = try VerifiedManifest(bytes, signature: signature, owner: owner)
    }

    /// - Throws: ``EnclaveRefusal`` (partRefused).
    func load(
        _ part: SealedPartName, _ chunk: [UInt8], offset: UInt64, totalBytes: UInt64, limit: Int
    ) throws(EnclaveRefusal) {
        switch part {
        case .frontNet: try frontNet.append(chunk, offset: offset, totalBytes: totalBytes, limit: limit)
        case .mappingUnit: try mappingUnit.append(chunk, offset: offset, totalBytes: totalBytes, limit: limit)
        }
    }
}

/// A manifest under the signature of the key that came with it. Whether that key is the right owner's is for those to
/// judge who get it in evidence; here it decides who may provision.
struct VerifiedManifest {
    let digest: ContentDigest
    let owner: OwnerPublicKey

    /// - Throws: ``EnclaveRefusal`` (manifestUnauthorized).
    init(_ bytes: [UInt8], signature: [UInt8], owner: [UInt8]) throws(EnclaveRefusal) {
        guard let owner = OwnerPublicKey(bytes: owner) else { throw EnclaveRefusal(.manifestUnauthorized) }
        do throws(SealedChannelError) {
            try ManifestSignature.verify(signature, of: bytes, by: owner)
        } catch { throw EnclaveRefusal(.manifestUnauthorized) }
        digest = ContentDigest(of: bytes)
        self.owner = owner
    }
}
