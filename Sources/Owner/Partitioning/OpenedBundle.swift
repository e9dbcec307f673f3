package import BundleFormat
import Foundation
package import ModelGraph
package import SealedChannel

/// A bundle whose signature and digests are right: it is as its owner wrote it. Whose key that is remains for the
/// caller to judge.
package struct OpenedBundle: Sendable {
    package let manifest: BundleManifest
    /// The exact bytes that were signed.
    package let manifestBytes: [UInt8]
    package let signature: [UInt8]
    package let ownerPublicKey: OwnerPublicKey
    package let frontNet: [UInt8]
    package let mappingUnit: [UInt8]
    /// `nil` when everything is inside.
    package let backNet: Graph?
    /// What the BackNet computes with.
    package let backNetPrecision: PrecisionTable

    /// SHA-256 of the manifest: what policies pin.
    package var manifestDigest: ContentDigest { ContentDigest(of: manifestBytes) }

    private static let maximumPartBytes = 1 << 34

    /// Reads and checks a bundle.
    ///
    /// - Throws: ``PartitioningError`` that names the part.
    package init(opening path: String) throws(PartitioningError) {
        let folder = URL(filePath: path)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isDirectory) else {
            throw PartitioningError(.file, "\(path): there is no such bundle")
        }
        guard isDirectory.boolValue else {
            throw PartitioningError(.file, "\(path) is a file, expected a bundle's folder")
        }
        manifestBytes = try Self.read(.manifest, in: folder, maximumBytes: BundleManifest.maximumBytes)
        signature = try Self.read(.signature, in: folder, maximumBytes: ManifestSignature.byteCount)
        do throws(BundleFormatError) { manifest = try BundleManifest(decoding: manifestBytes) } catch {
            throw PartitioningError(.damagedBundle, "\(path): \(error.message)")
        }
        guard let ownerPublicKey = OwnerPublicKey(hexadecimal: manifest.ownerPublicKey) else {
            throw PartitioningError(.damagedBundle, "\(path): manifest.json: ownerPublicKey is not a key")
        }
        self.ownerPublicKey = ownerPublicKey
        do throws(SealedChannelError) {
            try ManifestSignature.verify(signature, of: manifestBytes, by: ownerPublicKey)
        } catch { throw PartitioningError(.damagedBundle, "\(path): manifest.sig: \(error.message)") }

        var bytes: [BundleFile: [UInt8]] = [:]
        for part in manifest.parts {
            guard let file = BundleFile(rawValue: part.file) else {
                throw PartitioningError(.damagedBundle, "\(path): part \(part.file) is unknown")
            }
            let content = try Self.read(file, in: folder, maximumBytes: Self.maximumPartBytes)
            guard ContentDigest(of: content).description == part.sha256 else {
                throw PartitioningError(
                    .damagedBundle, "\(path): \(part.file) is not what the manifest lists: copy the bundle again")
            }
            bytes[file] = content
        }
        guard let frontNet = bytes[.frontNet], let mappingUnit = bytes[.mapping] else {
            throw PartitioningError(.damagedBundle, "\(path): a sealed part is missing")
        }
        self.frontNet = frontNet
        self.mappingUnit = mappingUnit
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

    private static func read(
        _ file: BundleFile, in folder: URL, maximumBytes: Int
    ) throws(PartitioningError) -> [UInt8] {
        let path = folder.appending(path: file.rawValue).path
        // Links are not followed and pipes not waited for: a bundle comes from somebody else.
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let size = attributes[.size] as? Int
        else { throw PartitioningError(.damagedBundle, "\(folder.path): \(file.rawValue) is missing") }
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw PartitioningError(.damagedBundle, "\(folder.path): \(file.rawValue) is not a regular file")
        }
        guard size <= maximumBytes else {
            throw PartitioningError(
                .damagedBundle, "\(folder.path): \(file.rawValue) has \(size) bytes, the limit is \(maximumBytes)")
        }
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw PartitioningError(.file, "\(path) cannot be read: check its permissions")
        }
        return [UInt8](data)
    }
}
