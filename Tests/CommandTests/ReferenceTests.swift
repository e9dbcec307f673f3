// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing

/// A trained model of the shared folder.
struct TrainedModel: Sendable, CustomTestStringConvertible {
    let name: String
    var testDescription: String { name }

    /// Those in float32.
    static let all: [TrainedModel] = SharedFiles.names(in: "models")
        .filter { SharedFiles.exists("models/\($0)/reference.json") && $0 != "darknet" && !$0.hasSuffix("-qdq") }
        .map(TrainedModel.init)

    var path: String { SharedFiles.path("models/\(name)/model.onnx") }
    func file(_ file: String) -> String { SharedFiles.path("models/\(name)/\(file)") }

    func json(_ file: String) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: try SharedFiles.bytes("models/\(name)/\(file)"))
        guard let object = object as? [String: Any] else { throw Unexpected(file) }
        return object
    }

    var labels: String {
        get throws {
            guard let labels = try json("model.json")["labels"] as? String else { throw Unexpected("no labels") }
            return file(labels)
        }
    }

    var endsInLogits: Bool {
        get throws { (try json("model.json")["output"] as? [String: Any])?["kind"] as? String == "logits" }
    }

    struct Reference {
        let image: String
        let top: [(index: Int, name: String, probability: Double)]
    }

    /// What ONNX Runtime answered.
    func references() throws -> [Reference] {
        guard let references = try json("reference.json")["references"] as? [[String: Any]] else {
            throw Unexpected("no references")
        }
        return try references.map { reference in
            guard let image = reference["image"] as? String, let top = reference["top5"] as? [[String: Any]] else {
                throw Unexpected("\(reference)")
            }
            return Reference(
                image: image,
                top: try top.map { entry in
                    guard let index = entry["id"] as? Int, let name = entry["name"] as? String,
                        let probability = entry["probability"] as? Double
                    else { throw Unexpected("\(entry)") }
                    return (index, name, probability)
                })
        }
    }

    /// The stored inputs that have stored outputs.
    var vectors: [String] {
        SharedFiles.names(in: "models/\(name)").filter { $0.hasPrefix("input-") && $0.hasSuffix(".npy") }
            .map { String($0.dropFirst(6)) }
    }

    /// A cut in the middle: a usable one at about a third of the layers, the mapping unit near the end.
    func middleCuts(in folder: TemporaryFolder) throws -> Cuts {
        let cuts = try self.cuts(in: folder)
        let usable = cuts.indices.filter { cuts[$0].usable }
        guard let front = usable.first(where: { 3 * $0 >= cuts.count }), cuts.count >= 3 else {
            throw Unexpected("no cut in the middle")
        }
        return Cuts(front: cuts[front].name, mapping: cuts[max(front + 1, cuts.count - 3)].name)
    }

    func everythingInside(in folder: TemporaryFolder) throws -> Cuts {
        let last = try cuts(in: folder).last?.name ?? ""
        return Cuts(front: last, mapping: last)
    }

    private func cuts(in folder: TemporaryFolder) throws -> [(name: String, usable: Bool)] {
        let outcome = try succeed(["inspect", path, "--json"], in: folder)
        guard let cuts = (outcome.json as? [String: Any])?["cuts"] as? [[String: Any]] else {
            throw Unexpected(outcome.output)
        }
        return cuts.map { ($0["name"] as? String ?? "", $0["usable"] as? Bool ?? false) }
    }
}

private func softmax(_ logits: [Float]) -> [Double] {
    let largest = Double(logits.max() ?? 0)
    let exponentials = logits.map { exp(Double($0) - largest) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
}

@Suite("Answers agree with ONNX Runtime", .enabled(if: SharedFiles.isPresent, "\(SharedFiles.absence)"), .serialized)
struct ReferenceTests {
    @Test("run agrees with the stored outputs to 1e-4 of the largest value", arguments: TrainedModel.all)
    func run(_ model: TrainedModel) throws {
        let folder = try TemporaryFolder()
        for vector in model.vectors {
            let output = folder.file(vector)
            try succeed(["run", model.path, "--input", model.file("input-" + vector), "--output", output], in: folder)
            let found = try tensor(in: output)
            let expected = try SharedFiles.array("models/\(model.name)/output-\(vector)")
            try expectClose(found, expected, relativeToLargest: 1e-4, "\(vector)")
        }
    }

    @Test(
        "classify gives the same five classes in the same order, with the probabilities of run",
        arguments: TrainedModel.all, [false, true])
    func classify(_ model: TrainedModel, inside: Bool) throws {
        let folder = try TemporaryFolder()
        // The reference pictures are already resized: interpolation has no part in this.
        var preprocessing = try model.json("preprocess.json")
        preprocessing["resize"] = ["mode": "none"]
        let preprocess = try folder.write(
            try JSONSerialization.data(withJSONObject: preprocessing), to: "preprocess.json")
        let deployment = try Deployment(
            model: model.path, labels: model.labels,
            cuts: inside ? model.everythingInside(in: folder) : model.middleCuts(in: folder), preprocess: preprocess,
            options: ["--allow-f32"], in: folder)
        let server = try Server(provisioned: deployment)
        let references = try model.references()
        let answers = try deployment.classify(server.url, references.map { SharedFiles.path("images/../\($0.image)") })
        let names = try String(contentsOfFile: model.labels, encoding: .utf8).split(separator: "\n")
        for (reference, answer) in zip(references, answers) {
            expectSame(answer, reference, within: 1e-4)
            #expect(answer.allSatisfy { $0.name == names[$0.index] })
        }

        guard let vector = model.vectors.first else { return }
        let input = model.file("input-" + vector)
        let answer = try deployment.classify(server.url, [input], top: 20)[0]
        try succeed(["run", model.path, "--input", input, "--output", folder.file("output.npy")], in: folder)
        let output = try tensor(in: folder.file("output.npy")).floats()
        let probabilities = try model.endsInLogits ? softmax(output) : output.map(Double.init)
        for entry in answer {
            #expect(abs(entry.probability - probabilities[entry.index]) < 1e-5, "\(vector): class \(entry.index)")
        }
    }

    /// By model and photograph: what `Tests/Reference/photographs.py` got from Pillow and ONNX Runtime.
    static func photographReferences() throws -> [String: [String: [PhotographClass]]] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference/photographs.json")
        return try JSONDecoder().decode([String: [String: [PhotographClass]]].self, from: Data(contentsOf: file))
    }

    @Test(
        "Pictures decoded and resized here give the probabilities of Pillow and ONNX Runtime to 0.01",
        arguments: TrainedModel.all)
    func photographs(_ model: TrainedModel) throws {
        // The models of small pictures have no larger originals.
        guard let references = try Self.photographReferences()[model.name] else { return }
        let folder = try TemporaryFolder()
        let deployment = try Deployment(
            model: model.path, labels: model.labels, cuts: try model.everythingInside(in: folder), in: folder)
        let server = try Server(provisioned: deployment)
        let photographs = references.keys.sorted()
        let answers = try deployment.classify(
            server.url, photographs.map { SharedFiles.path("images/\($0)") }, top: 20)
        for (photograph, answer) in zip(photographs, answers) {
            for expected in references[photograph] ?? [] {
                let found = answer.first { $0.index == expected.index }?.probability ?? 0
                #expect(abs(found - expected.probability) < 0.01, "\(photograph): class \(expected.index)")
            }
        }
    }

    @Test("Pillow and ONNX Runtime give the stored references of the models for the photographs")
    func sourcesAgree() throws {
        let photographs = try Self.photographReferences()
        // Only the reference pictures with a shorter side of 256 were made from these photographs.
        for model in TrainedModel.all
        where (try model.json("preprocess.json")["resize"] as? [String: Any])?["length"] as? Int == 256 {
            for name in ["dog", "eagle"] {
                let stored = try model.references().first { $0.image == "images/reference/\(name).png" }
                let computed = try #require(photographs[model.name]?["photos/\(name).jpg"])
                #expect(computed.map(\.index) == stored?.top.map(\.index), "\(model.name), \(name)")
                for (one, other) in zip(computed, stored?.top ?? []) {
                    #expect(abs(one.probability - other.probability) < 1e-4, "\(model.name), \(name)")
                }
            }
        }
    }

    private func expectSame(
        _ answer: [ClassProbability], _ reference: TrainedModel.Reference, within tolerance: Double
    ) {
        #expect(answer.count == reference.top.count, "\(reference.image)")
        for (rank, (found, expected)) in zip(answer, reference.top).enumerated() {
            #expect(
                abs(found.probability - expected.probability) <= tolerance,
                "\(reference.image), rank \(rank): \(found.name) \(found.probability), expected \(expected.probability)"
            )
            // Another class may have this rank only if it is as probable.
            guard found.index != expected.index else {
                // ImageNet's list has the synset before the names.
                #expect(found.name == expected.name || found.name.hasSuffix(" \(expected.name)"))
                continue
            }
            let rivals = reference.top.filter { $0.index == found.index }
            #expect(
                rivals.allSatisfy { abs($0.probability - expected.probability) <= 1e-4 }
                    && (!rivals.isEmpty || abs(expected.probability - reference.top.last!.probability) <= 1e-4),
                "\(reference.image), rank \(rank): class \(found.index), expected \(expected.index)")
        }
    }
}

/// The tensor of a .npy file. Bound to a constant and apart: the optimiser of Swift 6.3 crashes on a span of a temporary.
@inline(never)
private func tensor(in file: String) throws -> Tensor {
    let content = try bytes(of: file)
    return try Tensor(npy: content.span.bytes)
}

/// One of the best classes of a photograph.
struct PhotographClass: Decodable {
    let index: Int
    let probability: Double
}
