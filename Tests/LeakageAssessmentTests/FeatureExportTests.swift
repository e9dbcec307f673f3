// SPDX-License-Identifier: Apache-2.0
import Foundation
import Imaging
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Exported features for external attacks")
struct FeatureExportTests {
    private struct Split: Decodable {
        let version: Int
        let modelSHA256, cut: String
        let seed: UInt64
        let training, test: [Int]
    }

    private func tensor(_ path: String) throws -> Tensor {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        return try Tensor(npy: bytes.span.bytes)
    }

    private func json<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: path)))
    }

    @Test("An exported map equals the network's output for the picture beside it", arguments: [1, 3])
    func maps(threads: Int) throws {
        let pictures = try DrawnPictures(count: 12)
        let configuration = try pictures.configuration(threads: threads)
        let out = pictures.path("features")
        let summary = try FeatureExport(configuration, cut: "pool1").write(to: out)
        let features = try tensor(out + "/features.npy")
        let seen = try tensor(out + "/pictures.npy")
        #expect(summary.shape == [12, 6, 8, 8] && features.shape.dimensions == [12, 6, 8, 8])
        #expect(features.type.element == .float32 && seen.type.element == .uint8)
        #expect(seen.shape.dimensions == [12, 16, 16, 3])
        // Normalised by hand: mean 128, deviation 64, channels first.
        let pixels = seen.withElements(as: UInt8.self) { Array($0[5 * 768..<6 * 768]) }
        let input = (0..<768).map { (Float(pixels[$0 % 256 * 3 + $0 / 256]) - 128) / 64 }
        let model = configuration.model
        let probe = try CutProbe(model, cuts: [try model.graph.cut(named: "pool1")])
        let expected = try probe.crossing(of: Tensor(input, shape: [1, 3, 16, 16]))[0][0]
            .withElements(as: Float.self) { Array($0) }
        let written = features.withElements(as: Float.self) { Array($0[5 * 384..<6 * 384]) }
        // The program multiplies by 1/64 or divides: the last bit of the input may differ.
        #expect(zip(written, expected).allSatisfy { abs($0 - $1) <= 1e-5 })
        #expect(written.contains { $0 != 0 })
        let names = try json([String].self, out + "/names.json")
        #expect(names == (100..<112).map { "\($0).png" })
    }

    /// The tokens of 4x4 patches, of six channels each, and a class token before or after them; `turned` has
    /// `[1, channels, tokens]`.
    private func tokenNetwork(classTokenFirst: Bool) throws -> AssessmentConfiguration.Network {
        var generator = SeededGenerator(seed: 3)
        func normals(_ shape: Int...) throws -> Tensor {
            try Tensor((0..<shape.reduce(1, *)).map { _ in Float(0.2 * generator.normal()) }, shape: shape)
        }
        func node(_ name: String, _ operation: ModelGraph.Operation, _ inputs: String...) -> Node {
            Node(name: name, operation: operation, inputs: inputs, outputs: [name])
        }
        var network = try TinyNetwork.network()
        network.graph = try Graph(
            name: "tokens", inputs: network.graph.inputs, outputs: ["prob"],
            nodes: [
                node(
                    "patches", .convolution(.init(window: Window(kernel: [4, 4], strides: [4, 4]))), "input", "kernels"),
                node("rows", .reshape(.init([1, 6, 16])), "patches"),
                node("swapped", .transpose(.init([0, 2, 1])), "rows"),
                classTokenFirst
                    ? node("joined", .concat(.init(axis: 1)), "token", "swapped")
                    : node("joined", .concat(.init(axis: 1)), "swapped", "token"),
                node("tokens", .activation(.init(.sigmoid)), "joined"),
                node("turned", .transpose(.init([0, 2, 1])), "tokens"),
                node("flat", .reshape(.init([1, 102])), "turned"),
                node("logits", .gemm(.init(transposeB: true)), "flat", "scores"),
                node("prob", .softmax(.init(axis: 1)), "logits"),
            ],
            constants: ["kernels": normals(6, 3, 4, 4), "token": normals(1, 1, 6), "scores": normals(4, 102)])
        return network
    }

    @Test("Tokens in a grid are exported as maps, and a class token in a separate file", arguments: [true, false])
    func tokens(classTokenFirst: Bool) throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.model = try tokenNetwork(classTokenFirst: classTokenFirst)
        let probe = try CutProbe(
            configuration.model, cuts: [try configuration.model.graph.cut(named: "tokens")])
        for cut in ["tokens", "turned"] {
            let out = pictures.path(cut)
            let summary = try FeatureExport(configuration, cut: cut).write(to: out)
            #expect(summary.shape == [8, 6, 4, 4] && summary.extraTokens == 1)
            let features = try tensor(out + "/features.npy")
            let tokens = try tensor(out + "/tokens.npy")
            #expect(features.shape.dimensions == [8, 6, 4, 4] && tokens.shape.dimensions == [8, 1, 6])
            let seen = try tensor(out + "/pictures.npy")
            let pixels = seen.withElements(as: UInt8.self) { Array($0[3 * 768..<4 * 768]) }
            let input = (0..<768).map { (Float(pixels[$0 % 256 * 3 + $0 / 256]) - 128) / 64 }
            // `[1, 17, 6]`, in either cut.
            let expected = try probe.crossing(of: Tensor(input, shape: [1, 3, 16, 16]))[0][0]
                .withElements(as: Float.self) { Array($0) }
            let map = features.withElements(as: Float.self) { Array($0[3 * 96..<4 * 96]) }
            let extra = tokens.withElements(as: Float.self) { Array($0[3 * 6..<4 * 6]) }
            let (first, other) = classTokenFirst ? (1, 0) : (0, 16)
            for channel in 0..<6 {
                #expect(abs(extra[channel] - expected[other * 6 + channel]) <= 1e-5)
                for cell in 0..<16 {
                    #expect(abs(map[channel * 16 + cell] - expected[(first + cell) * 6 + channel]) <= 1e-5)
                }
            }
            #expect(Set(map).count > 90)
            let files = try FileManager.default.contentsOfDirectory(atPath: out).sorted()
            #expect(files == ["features.npy", "names.json", "pictures.npy", "split.json", "tokens.npy"])
        }
        // A failure leaves nothing behind, tokens included.
        let flag = CancellationFlag()
        flag.cancel()
        let out = pictures.path("cancelled")
        let export = try FeatureExport(configuration, cut: "tokens")
        #expect(throws: AssessmentError.self) { _ = try export.write(to: out, cancellation: flag) }
        #expect(!FileManager.default.fileExists(atPath: out))
    }

    @Test("The pictures and the split equal those of an assessment with the same seed")
    func split() throws {
        let pictures = try DrawnPictures(count: 30)
        var configuration = try pictures.configuration()
        (configuration.imageLimit, configuration.decoderImageLimit) = (24, 16)
        configuration.channelImageLimit = 12
        configuration.seed = 7
        let out = pictures.path("features")
        let summary = try FeatureExport(configuration, cut: "flat").write(to: out)
        #expect(summary.shape == [16, 8] && summary.training == 12 && summary.test == 4)
        #expect(try tensor(out + "/features.npy").shape.dimensions == [16, 8])
        let split = try json(Split.self, out + "/split.json")
        let expected = PictureSplit(count: 16, seed: 7)
        #expect(split.training == expected.training && split.test == expected.testing)
        #expect(split.version == 1 && split.cut == "flat" && split.seed == 7)
        #expect(split.modelSHA256 == configuration.model.sha256)
        configuration.cuts = .named(["flat"])
        configuration.trainedCuts = .none
        configuration.bounds.isAlways = false
        configuration.whiteBox.isAlways = false
        configuration.measuresTime = false
        let shown = Set(try Assessor(configuration).run().gallery.map(\.name))
        let names = try json([String].self, out + "/names.json")
        // The gallery shows test pictures, and all of them where there are so few.
        #expect(shown == Set(expected.testing.map { names[$0] }))
    }

    @Test("Only the owner can read the files, and the header is version 1.0 of NumPy's format")
    func form() throws {
        let pictures = try DrawnPictures(count: 8)
        let out = pictures.path("features")
        _ = try FeatureExport(try pictures.configuration(), cut: "relu1").write(to: out)
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(out) == 0o700)
        let files = try FileManager.default.contentsOfDirectory(atPath: out).sorted()
        #expect(files == ["features.npy", "names.json", "pictures.npy", "split.json"])
        for file in files { #expect(try mode("\(out)/\(file)") == 0o600) }
        let bytes = try Data(contentsOf: URL(filePath: out + "/pictures.npy"))
        #expect(bytes.prefix(8) == Data([0x93] + Array("NUMPY".utf8) + [1, 0]))
        let header = try #require(String(bytes: bytes[10..<128], encoding: .utf8))
        #expect(header.hasPrefix("{'descr': '|u1', 'fortran_order': False, 'shape': (8, 16, 16, 3,), }"))
        #expect(header.hasSuffix(" \n") && bytes.count == 128 + 8 * 16 * 16 * 3)
    }

    @Test("An existing folder is left unchanged, and a failure leaves no folder")
    func refused() throws {
        let pictures = try DrawnPictures(count: 8)
        let export = try FeatureExport(try pictures.configuration(), cut: "relu1")
        let there = pictures.path("there")
        try FileManager.default.createDirectory(atPath: there, withIntermediateDirectories: false)
        let error = #expect(throws: AssessmentError.self) { _ = try export.write(to: there) }
        #expect(error?.code == .file && error?.message.contains("does not exist yet") == true)
        #expect(FileManager.default.fileExists(atPath: there))
        let flag = CancellationFlag()
        flag.cancel()
        let out = pictures.path("features")
        #expect(throws: AssessmentError.self) { _ = try export.write(to: out, cancellation: flag) }
        #expect(!FileManager.default.fileExists(atPath: out))
        #expect(throws: AssessmentError.self) { _ = try export.write(to: pictures.path("missing/features")) }
        let unknown = #expect(throws: AssessmentError.self) {
            _ = try FeatureExport(try pictures.configuration(), cut: "no-such")
        }
        #expect(unknown?.code == .invalidCut)
    }
}
