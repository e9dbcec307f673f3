// SPDX-License-Identifier: Apache-2.0
import Evidence
import SealedChannel
import Wire

/// The part of a bundle that the host has loaded so far: first the manifest core, then the sealed parts that it lists.
/// A class, so that chunks are appended in place.
final class BundleAssembly {
    let manifest: VerifiedManifest
    private let limits: EnclaveLimits
    private var frontNet: PartAssembly
    private var mappingUnit: PartAssembly

    /// - Throws: ``EnclaveRefusal`` (partRefused) when a part is over the limit.
    init(_ manifest: VerifiedManifest, limits: EnclaveLimits) throws(EnclaveRefusal) {
        self.manifest = manifest
        self.limits = limits
        frontNet = try PartAssembly(manifest.core.part(.frontNet), limit: limits.partBytes)
        mappingUnit = try PartAssembly(manifest.core.part(.mappingUnit), limit: limits.partBytes)
    }

    /// The complete bundle; `nil` until both parts are loaded.
    var bundle: SealedBundle? {
        guard let frontNet = frontNet.whole, let mappingUnit = mappingUnit.whole else { return nil }
        return SealedBundle(manifest: manifest, frontNet: frontNet, mappingUnit: mappingUnit)
    }

    /// Discards both parts; the host has to load them again.
    ///
    /// - Throws: ``EnclaveRefusal`` (partRefused); never where the assembly could be made.
    func restart() throws(EnclaveRefusal) {
        frontNet = try PartAssembly(manifest.core.part(.frontNet), limit: limits.partBytes)
        mappingUnit = try PartAssembly(manifest.core.part(.mappingUnit), limit: limits.partBytes)
    }

    /// - Throws: ``EnclaveRefusal`` (partRefused).
    func load(
        _ part: SealedPartName, _ chunk: [UInt8], offset: UInt64, totalBytes: UInt64
    ) throws(EnclaveRefusal) {
        switch part {
        case .frontNet: try frontNet.append(chunk, offset: offset, totalBytes: totalBytes)
        case .mappingUnit: try mappingUnit.append(chunk, offset: offset, totalBytes: totalBytes)
        case .backNet: throw EnclaveRefusal(.partRefused)
        }
    }
}

/// A manifest core signed by the owner's key that it names. Clients judge from the evidence whether that is the right
/// owner; here the key decides who may provision.
struct VerifiedManifest {
    let core: ManifestCore
    /// SHA-256 of the core: what clients pin.
    let digest: ContentDigest
    /// The context to which the sealed parts are bound.
    let sealingContext: ContentDigest
    let owner: OwnerPublicKey

    /// - Throws: ``EnclaveRefusal``: `manifestUnauthorized`, `unsupportedVersion`.
    init(core bytes: [UInt8], signature: [UInt8]) throws(EnclaveRefusal) {
        do throws(EvidenceError) { core = try ManifestCore(decoding: bytes) } catch {
            throw EnclaveRefusal(error.code == .unsupported ? .unsupportedVersion : .manifestUnauthorized)
        }
        guard let owner = OwnerPublicKey(bytes: core.ownerPublicKey) else {
            throw EnclaveRefusal(.manifestUnauthorized)
        }
        do throws(SealedChannelError) {
            try ManifestSignature.verify(signature, of: bytes, by: owner)
        } catch { throw EnclaveRefusal(.manifestUnauthorized) }
        digest = ContentDigest(of: bytes)
        sealingContext = ContentDigest(of: core.sealingContext)
        self.owner = owner
    }
}
