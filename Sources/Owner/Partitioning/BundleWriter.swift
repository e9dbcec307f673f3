package import BundleFormat
import Evidence
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
        let plaintexts = [(BundleFile.frontNet, front.encoded()), (.mapping, mapping.encoded())]
        let sizes = plaintexts.map { ($0, SealedPart.sealedByteCount(plaintextByteCount: $1.count)) }
        var generator = SystemRandomNumberGenerator()
        let identifier = (0..<ManifestCore.identifierByteCount).map { _ in
            UInt8.random(in: .min ... .max, using: &generator)
        }
        let service = try Self.service(partition, front, mapping)
        // The sealed parts are bound to all that the core says but the digests, which cover the sealed parts.
        let zeros = [UInt8](repeating: 0, count: 32)
        let template = try core(
            identifier, service, sizes.map { ($0, $1, zeros) } + parts.map { ($0.file, $0.bytes.count, zeros) },
            textDigest: zeros)
        let context = ContentDigest(of: template.sealingContext)
        for (file, bytes) in plaintexts { parts.append((file, try seal(bytes, as: file, context: context))) }
        parts.sort { ($0.file.partKind?.rawValue ?? 0) < ($1.file.partKind?.rawValue ?? 0) }

        var manifest = manifest(for: partition, identifier, service)
        manifest.parts = parts.map(Self.description)
        let text = try Self.encoded(manifest)
        let core = try core(
            identifier, service, parts.map { ($0.file, $0.bytes.count, ContentDigest(of: $0.bytes).bytes) },
            textDigest: ContentDigest(of: text).bytes)
        guard core.sealingContext == template.sealingContext else {
            throw PartitioningError(.invalidModel, "a sealed part has another size than was computed for it")
        }
        let coreBytes = core.encoded()
        do throws(SealedChannelError) {
            let signature = try ManifestSignature.sign(coreBytes, by: ownerKey)
            return (manifest, parts + [(.manifestCore, coreBytes), (.manifest, text), (.signature, signature)])
        } catch { throw PartitioningError(.key, error.message) }
    }

    private func core(
        _ identifier: [UInt8], _ service: ServiceFacts, _ parts: [(file: BundleFile, byteCount: Int, digest: [UInt8])],
        textDigest: [UInt8]
    ) throws(PartitioningError) -> ManifestCore {
        do throws(EvidenceError) {
            var listed: [ManifestCore.Part] = []
            for (file, byteCount, digest) in parts {
                guard let kind = file.partKind else { continue }
                listed.append(try ManifestCore.Part(kind: kind, byteCount: byteCount, digest: digest))
            }
            return try ManifestCore(
                identifier: identifier, ownerPublicKey: ownerKey.publicKey.bytes, service: service,
                parts: listed.sorted { $0.kind.rawValue < $1.kind.rawValue }, textDigest: textDigest)
        } catch { throw PartitioningError(.invalidModel, error.message) }
    }

    /// What the enclave will find in the parts, and compare with this.
    private static func service(
        _ partition: TernaryPartition, _ front: FrontNetPart, _ mapping: MappingUnitPart
    ) throws(PartitioningError) -> ServiceFacts {
        let shape = front.graph.inputs[0].type.shape
        do throws(EvidenceError) {
            return try ServiceFacts(
                acceptsFloats: front.acceptsFloats,
                precision: .init(max(front.precision.level, mapping.precision.level)), channels: shape[1],
                height: shape[2], width: shape[3], classes: mapping.classNames.count, topK: mapping.topK,
                sigma: front.sigma, toHost: partition.backInputs.map(\.type),
                fromHost: partition.backOutputs.map(\.type))
        } catch { throw PartitioningError(.invalidModel, error.message) }
    }

    private func seal(
        _ bytes: [UInt8], as file: BundleFile, context: ContentDigest
    ) throws(PartitioningError) -> [UInt8] {
        do throws(SealedChannelError) {
            return try SealedPart.seal(
                bytes.span.bytes, as: file == .frontNet ? .frontNet : .mapping, modelKey: modelKey,
                context: context)
        } catch { throw PartitioningError(.key, error.message) }
    }

    private func manifest(
        for partition: TernaryPartition, _ identifier: [UInt8], _ service: ServiceFacts
    ) -> BundleManifest {
        let input = recipe.graph.inputs[0]
        return BundleManifest(
            identifier: identifier.hex, model: .init(name: recipe.modelName),
            ownerPublicKey: ownerKey.publicKey.description,
            input: .init(
                name: input.name, shape: input.type.shape.dimensions,
                elements: service.acceptsFloats ? ["u8", "f32"] : ["u8"], preprocessing: recipe.preprocessing),
            cuts: .init(
                front: recipe.front, mapping: recipe.mapping, everythingInside: service.isEverythingInside),
            boundary: .init(
                toBackNet: partition.backInputs.map { .init(tensor: $0.name, type: $0.type) },
                fromBackNet: partition.backOutputs.map { .init(tensor: $0.name, type: $0.type) },
                sigma: recipe.sigma),
            classes: service.classes, topK: service.topK, precision: recipe.precision.level.label,
            accuracy: recipe.accuracy, parts: [], assessment: recipe.assessment)
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

extension ServiceFacts.Precision {
    fileprivate init(_ level: PrecisionTable.Level) {
        switch level {
        case .float32: self = .float32
        case .bfloat16: self = .bfloat16
        case .integer8: self = .int8
        }
    }
}
