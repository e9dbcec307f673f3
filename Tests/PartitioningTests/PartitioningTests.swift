import BundleFormat
import Foundation
import ModelGraph
import Partitioning
import SealedChannel
import SecretMemory
import Tensors
import Testing

/// The owner of a classifier of grey 4x4 pictures into three classes, and a folder for its bundles.
private final class Owner {
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
}

private func read(_ file: String, of bundle: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: "\(bundle)/\(file)")))
}

private func write(_ bytes: [UInt8], as file: String, of bundle: String) throws {
    try Data(bytes).write(to: URL(filePath: "\(bundle)/\(file)"))
}

private func refusal(of bundle: String) -> PartitioningError? {
    do throws(PartitioningError) {
        _ = try OpenedBundle(opening: bundle)
        return nil
    } catch { return error }
}

@Suite("Bundles")
struct PartitioningTests {
    private static let files = BundleFile.allCases.map(\.rawValue)

    @Test("A bundle opens as it was written, with the digests, sizes and cuts that the manifest states")
    func roundTrip() throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let opened = try OpenedBundle(opening: bundle)
        #expect(opened.ownerPublicKey == owner.ownerKey.publicKey)
        #expect(opened.manifest.cuts == .init(front: "first", mapping: "second", everythingInside: false))
        #expect(opened.manifest.boundary.toBackNet.map(\.tensor) == ["a"])
        #expect(opened.manifest.boundary.fromBackNet.map(\.tensor) == ["b"])
        #expect(opened.manifest.classes == 3)
        #expect(opened.backNet?.nodes.map(\.name) == ["second"])
        for part in opened.manifest.parts {
            let bytes = try read(part.file, of: bundle)
            #expect(part.bytes == bytes.count)
            #expect(part.sha256 == ContentDigest(of: bytes).description)
        }
        let inside = try OpenedBundle(
            opening: try owner.write("i.infenclave", owner.recipe(front: "flat", mapping: "flat")))
        #expect(inside.backNet == nil)
        #expect(inside.manifest.cuts.everythingInside)
        #expect(inside.manifest.parts.map(\.file).sorted() == ["frontnet.sealed", "mapping.sealed"])
    }

    @Test("Noise is in the manifest, where clients see it, and in the sealed FrontNet, where the enclave does")
    func noise() throws {
        let owner = try Owner()
        let opened = try OpenedBundle(
            opening: try owner.write("n.infenclave", owner.recipe(sigma: NoiseDeviation(0.125))))
        #expect(opened.manifest.boundary.sigma?.value == 0.125)
        let template = ContentDigest(of: opened.manifest.templateBytes(of: opened.manifestBytes))
        let front = try SealedPart.open(
            opened.frontNet.span.bytes, as: .frontNet, modelKey: owner.modelKey, templateDigest: template)
        let part = try FrontNetPart(decoding: front.bytes, allocator: .standard)
        #expect(part.sigma?.value == 0.125)
        let clean = try OpenedBundle(opening: try owner.write("c.infenclave"))
        #expect(clean.manifest.boundary.sigma == nil)
        #expect(!String(decoding: clean.manifestBytes, as: UTF8.self).contains("sigma"))
        // Nothing crosses that it could hide.
        let error = #expect(throws: PartitioningError.self) {
            try owner.write("i.infenclave", owner.recipe(front: "flat", mapping: "flat", sigma: NoiseDeviation(1)))
        }
        #expect(error?.message.contains("everything is inside") == true)
    }

    @Test(
        "A deviation of noise that is none is refused when the manifest is read",
        arguments: ["0", "-0.5", "1e9", "1e-9", "1e999", "NaN", "\"1\"", "[]"])
    func badNoise(_ value: String) throws {
        let owner = try Owner()
        let bundle = try owner.write("n.infenclave", owner.recipe(sigma: NoiseDeviation(0.125)))
        let text = String(decoding: try read("manifest.json", of: bundle), as: UTF8.self)
        let bad = Array(text.replacingOccurrences(of: "0.125", with: value).utf8)
        #expect(throws: BundleFormatError.self) { try BundleManifest(decoding: bad) }
    }

    @Test("Two bundles of the same recipe share no sealed bytes and no identifier")
    func freshness() throws {
        let owner = try Owner()
        let (first, second) = (try owner.write("1"), try owner.write("2"))
        for file in ["frontnet.sealed", "mapping.sealed", "manifest.json", "manifest.sig"] {
            #expect(try read(file, of: first) != read(file, of: second), "\(file)")
        }
        for file in ["backnet.graph", "backnet.precision", "backnet.onnx"] {
            #expect(try read(file, of: first) == read(file, of: second), "\(file)")
        }
    }

    @Test("The sealed parts open with the model key and the manifest's template only, and only they name classes")
    func sealing() throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let opened = try OpenedBundle(opening: bundle)
        let template = ContentDigest(of: opened.manifest.templateBytes(of: opened.manifestBytes))
        let mapping = try SealedPart.open(
            opened.mappingUnit.span.bytes, as: .mapping, modelKey: owner.modelKey, templateDigest: template)
        let names = Data(mapping.bytes.withUnsafeBytes { Array($0) })
        #expect(Owner.names.allSatisfy { names.range(of: Data($0.utf8)) != nil })
        for file in Self.files {
            let bytes = Data(try read(file, of: bundle))
            #expect(bytes.range(of: Data("a class of the".utf8)) == nil, "\(file)")
        }
        #expect(throws: SealedChannelError.self) {
            _ = try SealedPart.open(
                opened.mappingUnit.span.bytes, as: .mapping, modelKey: .random(), templateDigest: template)
        }
        #expect(throws: SealedChannelError.self) {
            _ = try SealedPart.open(
                opened.mappingUnit.span.bytes, as: .frontNet, modelKey: owner.modelKey, templateDigest: template)
        }
        let other = try OpenedBundle(opening: try owner.write("o.infenclave"))
        let otherTemplate = ContentDigest(of: other.manifest.templateBytes(of: other.manifestBytes))
        #expect(throws: SealedChannelError.self) {
            _ = try SealedPart.open(
                opened.frontNet.span.bytes, as: .frontNet, modelKey: owner.modelKey, templateDigest: otherTemplate)
        }
    }

    @Test("A flipped bit in any byte of any file is refused with the part's name", arguments: files)
    func flips(_ file: String) throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let whole = try read(file, of: bundle)
        // The manifest and its signature vouch for each other: either may be named.
        let expected = file.hasPrefix("manifest") ? ["manifest.json", "manifest.sig"] : [file]
        var accepted: [Int] = []
        for index in whole.indices {
            var flipped = whole
            flipped[index] ^= 1 << UInt8(index % 8)
            try write(flipped, as: file, of: bundle)
            let error = refusal(of: bundle)
            if error?.code != .damagedBundle || !expected.contains(where: { error?.message.contains($0) == true }) {
                accepted.append(index)
            }
        }
        #expect(accepted.isEmpty)
        try write(whole, as: file, of: bundle)
        #expect(refusal(of: bundle) == nil)
    }

    @Test("A file that is missing, cut short or longer is refused with its name", arguments: files)
    func lengths(_ file: String) throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let whole = try read(file, of: bundle)
        let expected = file.hasPrefix("manifest") ? "manifest." : file
        for bytes in [[], Array(whole.dropLast()), whole + [0]] {
            try write(bytes, as: file, of: bundle)
            #expect(refusal(of: bundle)?.message.contains(expected) == true, "\(bytes.count) bytes")
        }
        try FileManager.default.removeItem(atPath: "\(bundle)/\(file)")
        #expect(refusal(of: bundle)?.message.contains(file) == true)
    }

    @Test("A part of another bundle is refused with its name", arguments: ["frontnet.sealed", "mapping.sealed"])
    func exchange(_ file: String) throws {
        let owner = try Owner()
        let (bundle, other) = (try owner.write("1"), try owner.write("2"))
        try write(try read(file, of: other), as: file, of: bundle)
        #expect(refusal(of: bundle)?.message.contains(file) == true)
    }

    /// A manifest changed by its owner, who signs it anew: what a later version, or a broken tool, would write.
    private func refusalAfter(_ change: (inout [String: Any]) -> Void) throws -> PartitioningError? {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let json = try JSONSerialization.jsonObject(with: Data(try read("manifest.json", of: bundle)))
        var manifest = try #require(json as? [String: Any])
        change(&manifest)
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: manifest))
        try write(bytes, as: "manifest.json", of: bundle)
        try write(try ManifestSignature.sign(bytes, by: owner.ownerKey), as: "manifest.sig", of: bundle)
        return refusal(of: bundle)
    }

    @Test("A signed manifest of an unknown version, or one that contradicts itself, is refused")
    func manifests() throws {
        #expect(try refusalAfter { _ in } == nil)
        #expect(try refusalAfter { $0["formatVersion"] = 2 }?.message.contains("format version 2") == true)
        #expect(try refusalAfter { $0["formatVersion"] = nil }?.message.contains("formatVersion") == true)
        #expect(try refusalAfter { $0["classes"] = 0 }?.message.contains("classes") == true)
        #expect(try refusalAfter { $0["topK"] = 4 }?.message.contains("topK") == true)
        #expect(try refusalAfter { $0["ownerPublicKey"] = "00" }?.message.contains("ownerPublicKey") == true)
        #expect(try refusalAfter { $0["parts"] = [Any]() }?.message.contains("parts") == true)
        #expect(
            try refusalAfter { manifest in
                var parts = manifest["parts"] as? [[String: Any]] ?? []
                parts[0]["file"] = "../../etc/passwd"
                manifest["parts"] = parts
            }?.message.contains("parts") == true)
        #expect(
            try refusalAfter { manifest in
                var parts = manifest["parts"] as? [[String: Any]] ?? []
                parts[0]["sealed"] = false
                manifest["parts"] = parts
            } != nil)
    }

    @Test("What cannot become a bundle is refused, and nothing is written")
    func recipes() throws {
        let owner = try Owner()
        func error(_ name: String, _ change: (inout BundleRecipe) -> Void) throws -> PartitioningError? {
            var recipe = try owner.recipe()
            change(&recipe)
            do {
                try owner.write(name, recipe)
                return nil
            } catch let error as PartitioningError { return error }
        }
        #expect(try error("b") { $0.front = "nowhere" }?.code == .invalidModel)
        #expect(try error("b") { ($0.front, $0.mapping) = ("third", "first") }?.code == .invalidModel)
        #expect(try error("b") { $0.classNames.removeLast() }?.message.contains("3 classes") == true)
        #expect(try error("b") { $0.topK = 0 }?.code == .invalidModel)
        #expect(try error("none/b") { _ in }?.code == .file)
        #expect(try owner.contents().isEmpty)
        try owner.write("b")
        #expect(try error("b") { _ in }?.message.contains("exists") == true)
        #expect(try owner.contents() == ["b"])
        #expect(refusal(of: owner.folder.appending(path: "c").path)?.code == .file)
        #expect(refusal(of: owner.folder.path)?.message.contains("manifest.json") == true)
    }
}
