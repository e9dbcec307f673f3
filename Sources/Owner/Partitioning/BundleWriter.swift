package import BundleFormat
import Foundation
import ModelGraph
import ONNXExport
package import SealedChannel
import Tensors

/// Seals a partitioned model into `NAME.infenclave/`.
package struct BundleWriter {
    private let recipe: BundleRecipe
    private let modelKey: ModelKey
    private let ownerKey: OwnerSigningKey

    package init(recipe: BundleRecipe, modelKey: ModelKey, ownerKey: OwnerSigningKey) {
        self.recipe = recipe
        self.modelKey = modelKey
        self.ownerKey = ownerKey
    }

    /// Writes the bundle into a temporary folder beside `path` and renames it.
    ///
    /// - Returns: The manifest that was written.
    /// - Throws: ``PartitioningError``; then nothing is left behind.
    @discardableResult
    package func write(to path: String) throws(PartitioningError) -> BundleManifest {
        let folder = URL(filePath: path)
        guard !FileManager.default.fileExists(atPath: folder.path) else {
            throw PartitioningError(.file, "\(path) exists already: remove it or choose another name")
        }
        let (manifest, files) = try contents()
        let temporary = folder.deletingLastPathComponent().appending(
            path: ".\(folder.lastPathComponent).\(UUID().uuidString.prefix(8))")
        do {
            try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: false)
            for (file, bytes) in files { try Data(bytes).write(to: temporary.appending(path: file.rawValue)) }
            try FileManager.default.moveItem(at: temporary, to: folder)
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw PartitioningError(
                .file, "\(path) cannot be written: check that its parent folder exists, is writable and has space")
        }
        return manifest
    }

    /// The files of the bundle.
    private func contents() throws(PartitioningError) -> (BundleManifest, [(BundleFile, [UInt8])]) {
        let (partition, front, mapping) = try recipe.partitioned()
        var parts: [(file: BundleFile, bytes: [UInt8])] = []
        if let back = partition.back {
            do throws(ONNXExportError) { parts.append((.backNetONNX, [UInt8](try ONNXFile.encode(back)))) } catch {
                throw PartitioningError(.invalidModel, "the BackNet cannot be written as ONNX: \(error.message)")
            }
            parts.append((.backNet, GraphFile.encode(back)))
            if !recipe.precision.isFloat32 {
                parts.append((.backNetPrecision, PrecisionFile.encode(recipe.precision.restricted(to: back))))
            }
        }
        // The sealed parts are bound to the manifest without their own digests: see BundleManifest.templateBytes.
        var manifest = manifest(for: partition, classes: mapping.classNames.count, topK: mapping.topK)
        let zeros = String(repeating: "0", count: 64)
        let plaintexts = [(BundleFile.frontNet, front.encoded()), (.mapping, mapping.encoded())]
        manifest.parts =
            plaintexts.map { file, bytes in
                BundleManifest.Part(
                    file: file.rawValue, bytes: SealedPart.sealedByteCount(plaintextByteCount: bytes.count),
                    sha256: zeros, sealed: true)
            } + parts.map(Self.description)
        let template = ContentDigest(of: try Self.encoded(manifest))
        for (index, (file, bytes)) in plaintexts.enumerated() {
            let sealed = try seal(bytes, as: file, template: template)
            manifest.parts[index] = Self.description(file, sealed)
            parts.append((file, sealed))
        }
        let manifestBytes = try Self.encoded(manifest)
        precondition(
            ContentDigest(of: manifest.templateBytes(of: manifestBytes)) == template,
            "the manifest changed more than the digests of its sealed parts")
        do throws(SealedChannelError) {
            let signature = try ManifestSignature.sign(manifestBytes, by: ownerKey)
            return (manifest, parts + [(.manifest, manifestBytes), (.signature, signature)])
        } catch { throw PartitioningError(.key, error.message) }
    }

    private func seal(
        _ bytes: [UInt8], as file: BundleFile, template: ContentDigest
    ) throws(PartitioningError) -> [UInt8] {
        do throws(SealedChannelError) {
            return try SealedPart.seal(
                bytes.span.bytes, as: file == .frontNet ? .frontNet : .mapping, modelKey: modelKey,
                templateDigest: template)
        } catch { throw PartitioningError(.key, error.message) }
    }

    private func manifest(for partition: TernaryPartition, classes: Int, topK: Int) -> BundleManifest {
        var generator = SystemRandomNumberGenerator()
        let identifier = (0..<32).map { _ in String(UInt8.random(in: 0..<16, using: &generator), radix: 16) }.joined()
        let input = recipe.graph.inputs[0]
        return BundleManifest(
            identifier: identifier, model: .init(name: recipe.modelName),
            ownerPublicKey: ownerKey.publicKey.description,
            input: .init(
                name: input.name, shape: input.type.shape.dimensions, elements: ["u8", "f32"],
                preprocessing: recipe.preprocessing),
            cuts: .init(
                front: recipe.front, mapping: recipe.mapping, everythingInside: partition.back == nil),
            boundary: .init(
                toBackNet: partition.backInputs.map { .init(tensor: $0.name, type: $0.type) },
                fromBackNet: partition.backOutputs.map { .init(tensor: $0.name, type: $0.type) },
                sigma: recipe.sigma),
            classes: classes, topK: topK, precision: recipe.precision.level.label, accuracy: recipe.accuracy, parts: [],
            assessment: recipe.assessment)
    }

    private static func description(_ file: BundleFile, _ bytes: [UInt8]) -> BundleManifest.Part {
        .init(
            file: file.rawValue, bytes: bytes.count, sha256: ContentDigest(of: bytes).description,
            sealed: file.isSealed)
    }

    private static func encoded(_ manifest: BundleManifest) throws(PartitioningError) -> [UInt8] {
        do { return try manifest.encoded() } catch {
            throw PartitioningError(.invalidModel, "the manifest cannot be encoded: a number in it is not finite")
        }
    }
}
