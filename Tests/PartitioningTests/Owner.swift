// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Evidence
import Foundation
import ModelGraph
import Partitioning
import SealedChannel
import SecretMemory
import Tensors
import Testing

/// The owner of a classifier of grey 4x4 pictures into three classes, and a folder for its bundles.
final class Owner {
    let folder: URL
    let modelKey = ModelKey.random()
    let ownerKey = OwnerSigningKey.random()
    static let names = ["a class of the first kind", "a class of the second kind", "a class of the third kind"]

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "partitioning-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static func graph() throws -> Graph {
        func weights(_ shape: [Int]) throws -> Tensor {
            try Tensor((0..<shape.reduce(1, *)).map { Float($0 % 5) - 2 }, shape: shape)
        }
        let convolution = ModelGraph.Operation.convolution(Convolution(window: Window(kernel: [1, 1])))
        return try Graph(
            name: "tiny", inputs: [Value(name: "x", type: TensorType(.float32, try Shape([1, 1, 4, 4])))],
            outputs: ["logits"],
            nodes: [
                Node(name: "first", operation: convolution, inputs: ["x", "w1"], outputs: ["a"]),
                Node(name: "second", operation: convolution, inputs: ["a", "w2"], outputs: ["b"]),
                Node(name: "third", operation: convolution, inputs: ["b", "w3"], outputs: ["c"]),
                Node(name: "mean", operation: .globalPooling(GlobalPooling(.average)), inputs: ["c"], outputs: ["d"]),
                Node(name: "flat", operation: .flatten(Flatten()), inputs: ["d"], outputs: ["logits"]),
            ],
            constants: [
                "w1": try weights([2, 1, 1, 1]), "w2": try weights([2, 2, 1, 1]), "w3": try weights([3, 2, 1, 1]),
            ])
    }

    /// Something for each part, so that a bundle has every file that there is.
    private static let precision = PrecisionTable(
        products: [
            "first": .init(.bfloat16, roundsResult: true), "second": .init(.integer8, roundsResult: true),
            "third": .init(.bfloat16, roundsResult: false),
        ], ranges: ["a": .init(low: -3, high: 3), "b": .init(low: -6, high: 6)])

    func recipe(
        front: String = "first", mapping: String = "second", sigma: NoiseDeviation? = nil
    ) throws -> BundleRecipe {
        BundleRecipe(
            modelName: "tiny", graph: try Self.graph(), front: front, mapping: mapping, classNames: Self.names,
            preprocessing: try Preprocessing(
                width: 4, height: 4, channels: .grey, resize: .stretch, interpolation: .bilinear, mean: [0], std: [1]),
            precision: Self.precision, sigma: sigma)
    }

    /// - Returns: The path of a new bundle.
    @discardableResult
    func write(_ name: String, _ recipe: BundleRecipe? = nil) throws -> String {
        let path = folder.appending(path: name).path
        try BundleWriter(recipe: try recipe ?? self.recipe(), modelKey: modelKey, ownerKey: ownerKey).write(to: path)
        return path
    }

    func contents() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }

    /// A manifest that its owner changed and signed again, as a later version or a faulty tool might write it.
    func sign(_ bundle: String, _ change: (inout [String: Any]) -> Void) throws {
        let file = URL(filePath: "\(bundle)/manifest.json")
        var manifest = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        change(&manifest)
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: manifest))
        try Data(bytes).write(to: file)
        let coreFile = URL(filePath: "\(bundle)/manifest.core")
        let core = try ManifestCore(decoding: [UInt8](try Data(contentsOf: coreFile)))
        // Sizes go into the core as well, as far as they can: it would contradict the manifest else.
        let sizes = (manifest["parts"] as? [[String: Any]] ?? []).reduce(into: [:]) { sizes, part in
            sizes[part["file"] as? String ?? ""] = part["bytes"] as? Int
        }
        let parts = core.parts.map { part in
            let file = BundleFile.allCases.first { $0.partKind == part.kind }
            let byteCount = file.flatMap { sizes[$0.rawValue] } ?? part.byteCount
            return (try? ManifestCore.Part(kind: part.kind, byteCount: byteCount, digest: part.digest)) ?? part
        }
        let signed = try ManifestCore(
            identifier: core.identifier, ownerPublicKey: core.ownerPublicKey, service: core.service, parts: parts,
            textDigest: ContentDigest(of: bytes).bytes
        ).encoded()
        try Data(signed).write(to: coreFile)
        try Data(try ManifestSignature.sign(signed, by: ownerKey)).write(to: URL(filePath: "\(bundle)/manifest.sig"))
    }
}

/// Why a bundle does not open; `nil` when it does.
func partitioningRefusal(of bundle: String) -> PartitioningError? {
    do throws(PartitioningError) {
        _ = try OpenedBundle(opening: bundle)
        return nil
    } catch { return error }
}
