// SPDX-License-Identifier: Apache-2.0
package import BundleFormat
package import Evidence
package import ModelGraph
package import SealedChannel

/// A bundle with a valid signature and valid digests: its content is what the holder of the signing key wrote. The
/// caller decides whether to trust that key.
package struct OpenedBundle: Sendable {
    package let manifest: BundleManifest
    /// The exact bytes of `manifest.json`.
    package let manifestBytes: [UInt8]
    /// The signed manifest core.
    package let core: ManifestCore
    /// The exact bytes of ``core``.
    package let coreBytes: [UInt8]
    package let signature: [UInt8]
    package let ownerPublicKey: OwnerPublicKey
    /// The sealed parts, which stay on disk: they may be too large for memory.
    package let frontNet: RegularFile
    package let mappingUnit: RegularFile
    /// `nil` when everything is inside.
    package let backNet: Graph?
    /// The file of ``backNet``, which an audit reads again.
    package let backNetFile: RegularFile?
    /// The precision of the BackNet.
    package let backNetPrecision: PrecisionTable

    /// SHA-256 of the manifest core, which policies pin.
    package var manifestDigest: ContentDigest { ContentDigest(of: coreBytes) }

    /// Reads and checks a bundle: the manifest core, its signature and `manifest.json`, then the sizes of all parts,
    /// then their contents. No part is read unless its size is the manifest's, and `backnet.onnx` is only digested.
    ///
    /// - Throws: ``PartitioningError`` that names the part.
    package init(opening path: String) throws(PartitioningError) {
        let folder = try BundleFolder(opening: path)
        (core, coreBytes) = try Self.core(in: folder, path)
        guard let ownerPublicKey = OwnerPublicKey(bytes: core.ownerPublicKey) else {
            throw PartitioningError(.damagedBundle, "\(path): manifest.core: the owner's key is not a key")
        }
        self.ownerPublicKey = ownerPublicKey
        signature = try folder.file(.signature, byteCount: ManifestSignature.byteCount).contents().bytes
        do throws(SealedChannelError) {
            try ManifestSignature.verify(signature, of: coreBytes, by: ownerPublicKey)
        } catch { throw PartitioningError(.damagedBundle, "\(path): manifest.sig: \(error.message)") }
        let text = try folder.file(.manifest, maximumBytes: BundleManifest.maximumBytes).contents()
        guard text.digest.bytes == core.textDigest else {
            throw PartitioningError(
                .damagedBundle, "\(path): manifest.json is not what manifest.core lists: copy the bundle again")
        }
        manifestBytes = text.bytes
        do throws(BundleFormatError) {
            manifest = try BundleManifest(decoding: manifestBytes)
            try manifest.check(against: core)
        } catch { throw PartitioningError(.damagedBundle, "\(path): \(error.message)") }

        var bytes: [BundleFile: [UInt8]] = [:]
        var files: [BundleFile: RegularFile] = [:]
        for (part, name, file) in try folder.parts(of: manifest) {
            let digest: ContentDigest
            files[name] = file
            if name == .backNetONNX || name.isSealed {
                digest = try file.digest()
            } else {
                (bytes[name], digest) = try file.contents()
            }
            guard digest.description == part.sha256 else {
                throw PartitioningError(
                    .damagedBundle, "\(path): \(part.file) is not what the manifest lists: copy the bundle again")
            }
        }
        guard let frontNet = files[.frontNet], let mappingUnit = files[.mapping] else {
            throw PartitioningError(.damagedBundle, "\(path): a sealed part is missing")
        }
        self.frontNet = frontNet
        self.mappingUnit = mappingUnit
        backNetFile = files[.backNet]
        do throws(GraphError) {
            if let graph = bytes[.backNet] {
                let graph = try GraphFile.decode(graph.span.bytes)
                let table = bytes[.backNetPrecision]
                backNet = graph
                backNetPrecision =
                    try table.map { (table) throws(GraphError) in
                        try PrecisionFile.decode(table.span.bytes, for: graph)
                    } ?? .float32
            } else {
                (backNet, backNetPrecision) = (nil, .float32)
            }
        } catch { throw PartitioningError(.damagedBundle, "\(path): the BackNet: \(error.message)") }
    }

    /// The manifest core. A bundle of format version 1 has none; its manifest.json states the version.
    private static func core(
        in folder: BundleFolder, _ path: String
    ) throws(PartitioningError) -> (ManifestCore, [UInt8]) {
        let bytes: [UInt8]
        do throws(PartitioningError) {
            bytes = try folder.file(.manifestCore, maximumBytes: ManifestCore.maximumBytes).contents().bytes
        } catch {
            if let text = try? folder.file(.manifest, maximumBytes: BundleManifest.maximumBytes).contents().bytes {
                do throws(BundleFormatError) { _ = try BundleManifest(decoding: text) } catch
                    where error.code == .unsupportedVersion
                {
                    throw PartitioningError(.damagedBundle, "\(path): \(error.message)")
                } catch {}
            }
            throw error
        }
        do throws(EvidenceError) { return (try ManifestCore(decoding: bytes), bytes) } catch {
            throw PartitioningError(.damagedBundle, "\(path): manifest.core: \(error.message)")
        }
    }
}
