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

private func read(_ file: String, of bundle: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: "\(bundle)/\(file)")))
}

private func write(_ bytes: [UInt8], as file: String, of bundle: String) throws {
    try Data(bytes).write(to: URL(filePath: "\(bundle)/\(file)"))
}

private func refusal(of bundle: String) -> PartitioningError? { partitioningRefusal(of: bundle) }

/// What the sealed parts of a bundle are bound to.
private func context(_ bundle: OpenedBundle) -> ContentDigest { ContentDigest(of: bundle.core.sealingContext) }

@Suite("Bundles")
struct PartitioningTests {
    private static let files = BundleFile.allCases.map(\.rawValue)

    @Test("A bundle opens as written, with the digests, sizes and cuts in the manifest")
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
        #expect(inside.manifest.cuts.everythingInside && inside.core.service.isEverythingInside)
        #expect(inside.manifest.parts.map(\.file).sorted() == ["frontnet.sealed", "mapping.sealed"])
    }

    @Test("The manifest states the kind of scores, and the mapping unit applies softmax to logits only")
    func scores() throws {
        let owner = try Owner()
        func opened(_ name: String, _ graph: Graph, _ scores: ScoreKind? = nil) throws -> String {
            let recipe = BundleRecipe(
                modelName: "tiny", graph: graph, front: "flat", mapping: "flat", classNames: Owner.names,
                preprocessing: try owner.recipe().preprocessing, scores: scores)
            let bundle = try OpenedBundle(opening: try owner.write(name, recipe))
            let sealed = try bundle.mappingUnit.contents().bytes
            let mapping = try SealedPart.open(
                sealed.span.bytes, as: .mapping, modelKey: owner.modelKey, context: context(bundle))
            let part = try MappingUnitPart(decoding: mapping.bytes, allocator: .standard)
            return (bundle.manifest.scores ?? "none") + (part.appliesSoftmax ? ", softmax" : "")
        }
        let graph = try Owner.graph()
        #expect(try opened("l.infenclave", graph) == "logits, softmax")
        let probable = try graph.reading(.probabilities)
        #expect(try opened("p.infenclave", probable) == "probabilities")
        // The softmax is a node of this graph.
        #expect(try opened("s.infenclave", probable.reading(.logits), .logits) == "logits")
        try owner.sign(owner.folder.appending(path: "l.infenclave").path) { $0["scores"] = "percent" }
        #expect(refusal(of: owner.folder.appending(path: "l.infenclave").path)?.message.contains("scores") == true)
        try owner.sign(owner.folder.appending(path: "l.infenclave").path) { $0["scores"] = nil }
        #expect(try OpenedBundle(opening: owner.folder.appending(path: "l.infenclave").path).manifest.scores == nil)
    }

    @Test("Noise is stated in the manifest for clients, and in the sealed FrontNet for the enclave")
    func noise() throws {
        let owner = try Owner()
        let opened = try OpenedBundle(
            opening: try owner.write("n.infenclave", owner.recipe(sigma: NoiseDeviation(0.125))))
        #expect(opened.manifest.boundary.sigma?.value == 0.125)
        #expect(opened.core.service.sigma?.value == 0.125)
        let sealed = try opened.frontNet.contents().bytes
        let front = try SealedPart.open(
            sealed.span.bytes, as: .frontNet, modelKey: owner.modelKey, context: context(opened))
        let part = try FrontNetPart(decoding: front.bytes, allocator: .standard)
        #expect(part.sigma?.value == 0.125)
        let clean = try OpenedBundle(opening: try owner.write("c.infenclave"))
        #expect(clean.manifest.boundary.sigma == nil)
        #expect(!String(decoding: clean.manifestBytes, as: UTF8.self).contains("sigma"))
        // There is no boundary tensor to add noise to.
        let error = #expect(throws: PartitioningError.self) {
            try owner.write("i.infenclave", owner.recipe(front: "flat", mapping: "flat", sigma: NoiseDeviation(1)))
        }
        #expect(error?.message.contains("everything is inside") == true)
    }

    @Test(
        "A manifest with an invalid standard deviation of noise is refused",
        arguments: ["0", "-0.5", "1e9", "1e-9", "1e999", "NaN", "\"1\"", "[]"])
    func badNoise(_ value: String) throws {
        let owner = try Owner()
        let bundle = try owner.write("n.infenclave", owner.recipe(sigma: NoiseDeviation(0.125)))
        let text = String(decoding: try read("manifest.json", of: bundle), as: UTF8.self)
        let bad = Array(text.replacingOccurrences(of: "0.125", with: value).utf8)
        #expect(throws: BundleFormatError.self) { try BundleManifest(decoding: bad) }
    }

    @Test("Weights are rounded to the nearest bf16 value, ties to even, and the manifest says so")
    func roundedWeights() throws {
        // 1 + 2^-8 lies between two bfloat16 and goes to the even one, 1 + 3 * 2^-8 too; the last is more than half a
        // step up.
        let values: [Float] = [
            1, 1 + 0x1p-8, 1 + 3 * 0x1p-8, -(1 + 0x1p-8 + 0x1p-20), .greatestFiniteMagnitude, 0x1p-149,
        ]
        let expected: [Float] = [1, 1, 1 + 0x1p-6, -(1 + 0x1p-7), 0x1.fep127, 0]
        let owner = try Owner()
        var recipe = try owner.recipe()
        var constants = recipe.graph.constants
        // Constants that are not weights of a product stay unchanged.
        constants["w1"] = try Tensor(Array(values[..<2]), shape: [2, 1, 1, 1])
        constants["w2"] = try Tensor(Array(values[2...]), shape: [2, 2, 1, 1])
        constants["shift"] = try Tensor([values[1]], shape: [1, 1, 1, 1])
        let nodes =
            [Node(name: "shifted", operation: .arithmetic(Arithmetic(.add)), inputs: ["x", "shift"], outputs: ["x2"])]
            + recipe.graph.nodes.map { node in
                Node(
                    name: node.name, operation: node.operation, inputs: node.inputs.map { $0 == "x" ? "x2" : $0 },
                    outputs: node.outputs)
            }
        recipe.graph = try Graph(
            name: "tiny", inputs: recipe.graph.inputs, outputs: recipe.graph.outputs, nodes: nodes,
            constants: constants)
        let plain = try OpenedBundle(opening: try owner.write("plain.infenclave", recipe))
        #expect(plain.manifest.storedWeights == nil)
        recipe.graph.roundWeightsInPlace(to: .bfloat16)
        recipe.storedWeights = .bfloat16
        let opened = try OpenedBundle(opening: try owner.write("b.infenclave", recipe))
        #expect(opened.manifest.storedWeights == "bf16")
        #expect(try opened.backNet?.constants["w2"]?.floats() == Array(expected[2...]))
        let sealed = try opened.frontNet.contents().bytes
        let part = try SealedPart.open(
            sealed.span.bytes, as: .frontNet, modelKey: owner.modelKey, context: context(opened))
        let front = try FrontNetPart(decoding: part.bytes, allocator: .standard)
        #expect(try front.graph.constants["w1"]?.floats() == Array(expected[..<2]))
        #expect(try front.graph.constants["shift"]?.floats() == [values[1]])
        // Only bf16 and int8 are valid types.
        try owner.sign(owner.folder.appending(path: "b.infenclave").path) { $0["storedWeights"] = "int4" }
        #expect(
            refusal(of: owner.folder.appending(path: "b.infenclave").path)?.message.contains("storedWeights") == true)
    }

    @Test("Two bundles with the same settings share no sealed bytes and no identifier")
    func freshness() throws {
        let owner = try Owner()
        let (first, second) = (try owner.write("1"), try owner.write("2"))
        for file in ["frontnet.sealed", "mapping.sealed", "manifest.core", "manifest.json", "manifest.sig"] {
            #expect(try read(file, of: first) != read(file, of: second), "\(file)")
        }
        for file in ["backnet.graph", "backnet.precision", "backnet.onnx"] {
            #expect(try read(file, of: first) == read(file, of: second), "\(file)")
        }
    }

    @Test("The sealed parts open only with the model key and the manifest core, and only they contain class names")
    func sealing() throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let opened = try OpenedBundle(opening: bundle)
        let template = context(opened)
        let (sealed, sealedFront) = (try opened.mappingUnit.contents().bytes, try opened.frontNet.contents().bytes)
        let mapping = try SealedPart.open(
            sealed.span.bytes, as: .mapping, modelKey: owner.modelKey, context: template)
        let names = Data(mapping.bytes.withUnsafeBytes { Array($0) })
        #expect(Owner.names.allSatisfy { names.range(of: Data($0.utf8)) != nil })
        for file in Self.files {
            let bytes = Data(try read(file, of: bundle))
            #expect(bytes.range(of: Data("a class of the".utf8)) == nil, "\(file)")
        }
        #expect(throws: SealedChannelError.self) {
            _ = try SealedPart.open(
                sealed.span.bytes, as: .mapping, modelKey: .random(), context: template)
        }
        #expect(throws: SealedChannelError.self) {
            _ = try SealedPart.open(
                sealed.span.bytes, as: .frontNet, modelKey: owner.modelKey, context: template)
        }
        let other = try OpenedBundle(opening: try owner.write("o.infenclave"))
        let otherTemplate = context(other)
        #expect(throws: SealedChannelError.self) {
            _ = try SealedPart.open(
                sealedFront.span.bytes, as: .frontNet, modelKey: owner.modelKey, context: otherTemplate)
        }
    }

    @Test("A flipped bit in any byte of any file is refused with the part's name", arguments: files)
    func flips(_ file: String) throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let whole = try read(file, of: bundle)
        // The manifest and its signature vouch for each other: either may be named.
        let expected = file.hasPrefix("manifest") ? ["manifest.json", "manifest.sig", "manifest.core"] : [file]
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

    @Test("A missing, truncated or extended file is refused with its name", arguments: files)
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

    /// A manifest that its owner changed and signed again, as a later version or a faulty tool might write it.
    private func refusalAfter(_ change: (inout [String: Any]) -> Void) throws -> PartitioningError? {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        try owner.sign(bundle, change)
        return refusal(of: bundle)
    }

    @Test("A signed manifest of an unknown version, or with a contradiction, is refused")
    func manifests() throws {
        #expect(try refusalAfter { _ in } == nil)
        #expect(try refusalAfter { $0["formatVersion"] = 3 }?.message.contains("format version 3") == true)
        #expect(try refusalAfter { $0["formatVersion"] = 1 }?.message.contains("infenclave partition") == true)
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

    @Test("A manifest.json that differs from the signed core in any member is refused")
    func twin() throws {
        let other = String(repeating: "0", count: 64)
        let changes: [(String, (inout [String: Any]) -> Void)] = [
            ("identifier", { $0["identifier"] = String(other.prefix(32)) }),
            ("ownerPublicKey", { $0["ownerPublicKey"] = other }), ("classes", { $0["classes"] = 4 }),
            ("topK", { $0["topK"] = 2 }),
            (
                "input.preprocessing",
                {
                    $0.change("input") { input in
                        var preprocessing = input["preprocessing"] as? [String: Any] ?? [:]
                        preprocessing["width"] = 3
                        input["preprocessing"] = preprocessing
                    }
                }
            ),
            ("input.elements", { $0.change("input") { $0["elements"] = ["u8", "f32"] } }),
            ("input.shape", { $0.change("input") { $0["shape"] = [1, 1, 4, 5] } }),
            ("boundary.sigma", { $0.change("boundary") { $0["sigma"] = 0.5 } }),
            ("boundary.toBackNet", { $0.change("boundary") { $0["toBackNet"] = [Any]() } }),
            ("boundary.fromBackNet", { $0.change("boundary") { $0["fromBackNet"] = [Any]() } }),
            (
                "the entry of backnet.graph",
                { manifest in
                    let parts = manifest["parts"] as? [[String: Any]] ?? []
                    manifest["parts"] = parts.map { part in
                        part["file"] as? String == "backnet.graph" ? part.merging(["sha256": other]) { $1 } : part
                    }
                }
            ),
        ]
        for (member, change) in changes {
            let message = try refusalAfter(change)?.message ?? "accepted"
            #expect(message.contains("\(member) is not what the signed manifest core says"), "\(message)")
        }
    }

    @Test("A bundle of format version 1 is refused with the remedy")
    func versionOne() throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let text = String(decoding: try read("manifest.json", of: bundle), as: UTF8.self)
        let old = Array(text.replacing("\"formatVersion\" : 2", with: "\"formatVersion\" : 1").utf8)
        #expect(old != Array(text.utf8))
        try write(old, as: "manifest.json", of: bundle)
        try FileManager.default.removeItem(atPath: bundle + "/manifest.core")
        #expect(refusal(of: bundle)?.message.contains("make the bundle again with this version's") == true)
    }

    @Test("Invalid inputs of a bundle are refused, and nothing is written")
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
        let missing = try error("none/b") { _ in }
        #expect(missing?.code == .file)
        #expect(missing?.message.contains("cannot be written: No such file or directory;") == true)
        let tooLong = try error(String(repeating: "b", count: 300)) { _ in }
        #expect(tooLong?.message.contains("cannot be written: File name too long;") == true)
        #expect(try owner.contents().isEmpty)
        try owner.write("b")
        #expect(try error("b") { _ in }?.message.contains("exists") == true)
        #expect(try owner.contents() == ["b"])
        #expect(refusal(of: owner.folder.appending(path: "c").path)?.code == .file)
        #expect(refusal(of: owner.folder.path)?.message.contains("manifest.core") == true)
    }
}

extension [String: Any] {
    fileprivate mutating func change(_ member: String, _ body: (inout [String: Any]) -> Void) {
        var inner = self[member] as? [String: Any] ?? [:]
        body(&inner)
        self[member] = inner
    }
}
