// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ONNXFormat
import ONNXImport
import Tensors
import TestSupport
import Testing

@Suite struct ExternalDataTests {
    /// A folder with `weights.bin` (24 bytes), a folder beside it, and links that lead out.
    final class Folder {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("onnx-\(UUID().uuidString)")
        var model: String { root.appendingPathComponent("model").path }

        init() throws {
            let files = FileManager.default
            let model = root.appendingPathComponent("model")
            try files.createDirectory(at: model.appendingPathComponent("part"), withIntermediateDirectories: true)
            let bytes = [Float](arrayLiteral: 1, 2, 3, 4, 5, 6).withUnsafeBytes { Data($0) }
            for name in ["model/weights.bin", "model/part/weights.bin", "outside.bin"] {
                try bytes.write(to: root.appendingPathComponent(name))
            }
            try files.createSymbolicLink(
                at: model.appendingPathComponent("link.bin"),
                withDestinationURL: root.appendingPathComponent("outside.bin"))
            try files.createSymbolicLink(at: model.appendingPathComponent("up"), withDestinationURL: root)
        }

        deinit { try? FileManager.default.removeItem(at: root) }
    }

    static func model(_ tensors: [ONNXTensorProto]) -> ONNXModelProto {
        .make(
            inputs: [("x", [2])], nodes: [.make("Sum", ["x"] + tensors.map(\.name), ["y"])], initializers: tensors)
    }

    @Test("Weights in external files are read at their offsets, and may be shared")
    func reads() throws {
        let folder = try Folder()
        let graph = try Self.model([
            .external("a", [2], ["location": "weights.bin", "offset": "8", "length": "8"]),
            .external("b", [2], ["location": "weights.bin", "offset": "8", "length": "8"]),
            .external("c", [2], ["location": "./part/weights.bin"]),
        ]).load(folder: folder.model).graph
        #expect(try graph.constants["a"]?.floats() == [3, 4])
        #expect(try graph.constants["b"]?.floats() == [3, 4])
        #expect(try graph.constants["c"]?.floats() == [1, 2])
    }

    @Test(
        "A location outside the folder or beyond the file is refused",
        arguments: [
            ["location": "../outside.bin"], ["location": "part/../../outside.bin"], ["location": "link.bin"],
            ["location": "up/outside.bin"], ["location": ""], ["location": "missing.bin"], ["location": "part"],
            ["location": "/etc/hostname"], ["location": "weights.bin", "offset": "20"],
            ["location": "weights.bin", "offset": "9223372036854775807"], ["location": "weights.bin", "offset": "-4"],
            ["location": "weights.bin", "length": "4"], ["location": "weights.bin", "length": "x"],
            ["location": "weights.bin\u{0}.txt"], [:],
        ])
    func refuses(_ entries: [String: String]) throws {
        let folder = try Folder()
        let error = #expect(throws: ONNXImportError.self) {
            try Self.model([.external("a", [2], entries)]).load(folder: folder.model)
        }
        #expect(error?.code == .externalData)
        #expect(error?.message.hasPrefix("constant 'a': ") == true)
    }

    @Test("The error for an external file that is a Git LFS pointer, missing or too short names it and the remedy")
    func absent() throws {
        let folder = try Folder()
        let digest = String(repeating: "a", count: 64)
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(digest)\nsize 24\n"
        try Data(pointer.utf8).write(to: folder.root.appendingPathComponent("model/pointer.bin"))
        for (entries, phrase) in [
            // The length is within the file, whose bytes are a Git LFS pointer.
            (["location": "pointer.bin", "length": "8"], "'pointer.bin' is a Git LFS pointer, not the weights"),
            (["location": "missing.bin"], "put it into the model's folder"),
            (["location": "weights.bin", "offset": "20"], "it has 24: copy it again"),
        ] {
            let error = #expect(throws: ONNXImportError.self) {
                try Self.model([.external("a", [2], entries)]).load(folder: folder.model)
            }
            #expect(error?.code == .externalData)
            #expect(error?.message.contains(phrase) == true, "\(error?.message ?? "")")
        }
    }

    @Test("A small file cannot be referenced many times, nor provide a large tensor")
    func bounds() throws {
        let folder = try Folder()
        let claims = (0..<4).map { index in
            ONNXTensorProto.external("w\(index)", [2], ["location": "weights.bin", "offset": "\(index * 4)"])
        }
        for tensors in [claims, [.external("w", [1 << 33], ["location": "weights.bin"])]] {
            let error = #expect(throws: ONNXImportError.self) { try Self.model(tensors).load(folder: folder.model) }
            #expect(error?.code == .externalData)
        }
    }

    @Test("External data is refused for a model from memory, which has no folder")
    func memory() throws {
        let error = #expect(throws: ONNXImportError.self) {
            try Self.model([.external("a", [2], ["location": "weights.bin"])]).load()
        }
        #expect(error?.code == .externalData)
    }
}
