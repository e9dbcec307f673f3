// SPDX-License-Identifier: Apache-2.0
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
    /// - Throws: ``PartitioningError``; then no files are left.
    @discardableResult
    package func write(to path: String) throws(PartitioningError) -> BundleManifest {
        let folder = URL(filePath: path)
        guard !FileManager.default.fileExists(atPath: folder.path) else {
            throw PartitioningError(.file, "\(path) exists already: remove it or choose another name")
        }
        let temporary = folder.deletingLastPathComponent().appending(
            path: ".\(folder.lastPathComponent).\(UUID().uuidString.prefix(8))")
        guard mkdir(temporary.path, 0o777) == 0 else { throw DigestedFile.unwritable(path, errno) }
        do throws(PartitioningError) {
            let manifest = try writeFiles(to: temporary, path)
            guard rename(temporary.path, folder.path) == 0 else { throw DigestedFile.unwritable(path, errno) }
            return manifest
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw error
        }
    }

    /// A written file of the bundle.
    private struct Written {
        let file: BundleFile
        let byteCount: Int
        let digest: [UInt8]
    }

    /// Writes the files of the bundle one after the other. No copy of the weights is made, except of the BackNet's for
    /// ONNX.
    private func writeFiles(to folder: URL, _ path: String) throws(PartitioningError) -> BundleManifest {
        let (partition, front, mapping) = try recipe.partitioned()
        func write(
            _ file: BundleFile, _ content: (DigestedFile) throws(PartitioningError) -> Void
        ) throws(PartitioningError) -> Written {
            let target = try DigestedFile(creating: folder.appending(path: file.rawValue).path, label: path)
            try content(target)
            let (byteCount, digest) = try target.finish()
            return Written(file: file, byteCount: byteCount, digest: digest)
        }
        func write(_ file: BundleFile, _ bytes: [UInt8]) throws(PartitioningError) -> Written {
            try write(file) { target in bytes.withUnsafeBytes(target.write) }
        }
        var parts: [Written] = []
        if let back = partition.back {
            // A larger BackNet does not fit a protocol buffer, so engines that read ONNX cannot run it.
            if back.constantBytes <= ONNXFile.maximumConstantBytes {
                let bytes: [UInt8]
                do throws(ONNXExportError) { bytes = [UInt8](try ONNXFile.encode(back)) } catch {
                    throw PartitioningError(.invalidModel, "the BackNet cannot be written as ONNX: \(error.message)")
                }
                parts.append(try write(.backNetONNX, bytes))
            }
            parts.append(try write(.backNet) { target in GraphFile.visit(back, target.write) })
            if !recipe.precision.isFloat32 {
                parts.append(
                    try write(.backNetPrecision, PrecisionFile.encode(recipe.precision.restricted(to: back))))
            }
        }
        let sizes = [(BundleFile.frontNet, front.encodedByteCount), (.mapping, mapping.encodedByteCount)].map {
            ($0, SealedPart.sealedByteCount(plaintextByteCount: $1))
        }
        var generator = SystemRandomNumberGenerator()
        let identifier = (0..<ManifestCore.identifierByteCount).map { _ in
            UInt8.random(in: .min ... .max, using: &generator)
        }
        let service = try Self.service(partition, front, mapping)
        // The sealed parts are bound to the core without its digests, which cover the sealed parts.
        let zeros = [UInt8](repeating: 0, count: 32)
        let template = try core(
            identifier, service, sizes.map { ($0, $1, zeros) } + parts.map { ($0.file, $0.byteCount, zeros) },
            textDigest: zeros)
        let context = ContentDigest(of: template.sealingContext)
        parts.append(
            try write(.frontNet) { (target) throws(PartitioningError) in
                try seal(front, as: .frontNet, context: context, to: target)
            })
        parts.append(
            try write(.mapping) { (target) throws(PartitioningError) in
                try seal(mapping, as: .mapping, context: context, to: target)
            })
        parts.sort { ($0.file.partKind?.rawValue ?? 0) < ($1.file.partKind?.rawValue ?? 0) }

        var manifest = manifest(for: partition, identifier, service)
        manifest.parts = parts.map {
            .init(file: $0.file.rawValue, bytes: $0.byteCount, sha256: $0.digest.hex, sealed: $0.file.isSealed)
        }
        let text = try Self.encoded(manifest)
        let core = try core(
            identifier, service, parts.map { ($0.file, $0.byteCount, $0.digest) },
            textDigest: ContentDigest(of: text).bytes)
        guard core.sealingContext == template.sealingContext else {
            throw PartitioningError(.invalidModel, "a sealed part has another size than was computed for it")
        }
        let coreBytes = core.encoded()
        let signature: [UInt8]
        do throws(SealedChannelError) { signature = try ManifestSignature.sign(coreBytes, by: ownerKey) } catch {
            throw PartitioningError(.key, error.message)
        }
        for (file, bytes) in [(BundleFile.manifestCore, coreBytes), (.manifest, text), (.signature, signature)] {
            _ = try write(file, bytes)
        }
        return manifest
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

    /// The facts that the enclave will derive from the parts and compare with the core's.
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
        _ part: some EnclavePart, as name: SealedPart.Name, context: ContentDigest, to file: DigestedFile
    ) throws(PartitioningError) {
        let emit = { (bytes: [UInt8]) in bytes.withUnsafeBytes(file.write) }
        do throws(SealedChannelError) {
            var sealer = try SealedPartSealer(
                byteCount: part.encodedByteCount, as: name, modelKey: modelKey, context: context, emit)
            try part.visit { (bytes) throws(SealedChannelError) in try sealer.seal(bytes, emit) }
            try sealer.finish(emit)
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
            classes: service.classes, scores: recipe.scores.rawValue, topK: service.topK,
            precision: recipe.precision.level.label,
            storedWeights: recipe.storedWeights?.rawValue, accuracy: recipe.accuracy, parts: [],
            assessment: recipe.assessment)
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
