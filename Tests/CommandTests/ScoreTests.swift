// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveImaging
import ModelGraph
import ONNXExport
import Tensors
import Testing

struct ScoreTail: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let nodes: [Node]
    var constants: [String: Float] = [:]
    let isProbability: Bool
    /// The values for logits 1, 2, 3, by the definition in the ONNX standard, in float64.
    let expected: [Double]
}

/// Models whose logits for a picture of one colour are red, green and blue divided by 51, and their last layers.
@Suite("Class scores of models that do not end in a softmax", .serialized)
struct ScoreTests {
    private static let softmax: [Double] = [
        0.090_030_573_170_380_46, 0.244_728_471_054_797_64, 0.665_240_955_774_821_9,
    ]

    private static func node(_ operation: ModelGraph.Operation, _ inputs: [String], _ output: String) -> Node {
        Node(name: "n_\(output)", operation: operation, inputs: inputs, outputs: [output])
    }

    private static func activation(
        _ function: Activation.Function, _ alpha: Float = 0, _ beta: Float = 0
    ) -> ModelGraph.Operation { .activation(Activation(function, alpha: alpha, beta: beta)) }

    private static func arithmetic(_ function: Arithmetic.Function) -> ModelGraph.Operation {
        .arithmetic(Arithmetic(function))
    }

    private static let probable: Node = node(.softmax(Softmax(axis: 1)), ["logits"], "p")
    private static let clip: ScoreTail = ScoreTail(
        testDescription: "softmax, clip", nodes: [probable, node(activation(.clip, 1e-7, 1 - 1e-7), ["p"], "y")],
        isProbability: true, expected: softmax)
    private static let doubled: ScoreTail = ScoreTail(
        testDescription: "softmax times 2", nodes: [probable, node(arithmetic(.multiply), ["p", "c"], "y")],
        constants: ["c": 2], isProbability: false, expected: softmax.map { 2 * $0 })

    static let tails: [ScoreTail] = [
        clip, doubled,
        ScoreTail(
            testDescription: "softmax, slice, concat",
            nodes: [
                probable, node(.slice(Slice(starts: [2], ends: [3], axes: [1], steps: [1])), ["p"], "a"),
                node(.slice(Slice(starts: [0], ends: [2], axes: [1], steps: [1])), ["p"], "b"),
                node(.concat(Concat(axis: 1)), ["a", "b"], "y"),
            ], isProbability: true, expected: [softmax[2], softmax[0], softmax[1]]),
        ScoreTail(
            testDescription: "mean of two softmaxes",
            nodes: [
                probable, node(arithmetic(.multiply), ["logits", "zero"], "z"),
                node(.softmax(Softmax(axis: 1)), ["z"], "q"), node(arithmetic(.add), ["p", "q"], "s"),
                node(arithmetic(.multiply), ["s", "half"], "y"),
            ], constants: ["half": 0.5, "zero": 0], isProbability: true, expected: softmax.map { ($0 + 1.0 / 3) / 2 }),
        ScoreTail(
            testDescription: "decomposed softmax",
            nodes: [
                node(activation(.exponential), ["logits"], "e"),
                node(.reduction(Reduction(.sum, axes: [1], keepsDimensions: true)), ["e"], "t"),
                node(arithmetic(.divide), ["e", "t"], "y"),
            ], isProbability: true, expected: softmax),
        ScoreTail(
            testDescription: "complement",
            nodes: [probable, node(arithmetic(.subtract), ["one", "p"], "y")], constants: ["one": 1],
            isProbability: true, expected: softmax.map { 1 - $0 }),
    ]

    private let folder: TemporaryFolder
    private let preprocess: String
    private let labels: String
    private let picture: String

    init() throws {
        folder = try TemporaryFolder()
        preprocess = try folder.write(
            """
            {"width":4,"height":4,"channels":"RGB","resize":{"mode":"none"},"interpolation":"bilinear",
            "mean":[0,0,0],"std":[51,51,51]}
            """, to: "how.json")
        labels = try folder.write("a\nb\nc\n", to: "labels.txt")
        let image = try Image(
            width: 4, height: 4, channels: 3, pixels: (0..<16).flatMap { _ in [51, 102, 153] as [UInt8] })
        picture = try folder.write(try image.pngBytes(), to: "colour.png")
    }

    private func model(_ tail: ScoreTail) throws -> String {
        let graph = try Graph(
            name: "tail", inputs: [Value(name: "x", type: TensorType(.float32, try Shape([1, 3, 4, 4])))],
            outputs: ["y"],
            nodes: [
                Self.node(.globalPooling(GlobalPooling(.average)), ["x"], "mean"),
                Self.node(.flatten(Flatten()), ["mean"], "logits"),
            ] + tail.nodes, constants: try tail.constants.mapValues { try Tensor([$0], shape: []) })
        return try folder.write(try ONNXFile.encode(graph), to: "model.onnx")
    }

    private func scores(_ json: Any?) -> String? { (json as? [String: Any])?["scores"] as? String }

    private func softmax(_ values: [Double]) -> [Double] {
        let sum = values.reduce(0) { $0 + exp($1) }
        return values.map { exp($0) / sum }
    }

    /// What a client is told, by class.
    private func served(_ model: String, _ name: String, _ options: [String] = []) throws -> [Double] {
        let deployment = try Deployment(
            model: model, labels: labels, cuts: Cuts(front: "n_logits", mapping: "n_logits"), preprocess: preprocess,
            name: name, options: options, in: folder)
        let server = try Server(provisioned: deployment)
        let answer = try withExtendedLifetime(server) { try deployment.classify(server.url, [picture])[0] }
        return answer.sorted { $0.index < $1.index }.map(\.probability)
    }

    @Test("run prints the values of the model, and run and inspect state how they are interpreted", arguments: tails)
    func run(_ tail: ScoreTail) throws {
        let model = try model(tail)
        let kind = tail.isProbability ? "probabilities" : "logits"
        let output = folder.file("y.npy")
        let arguments = ["run", model, "--preprocess", preprocess, "--input", picture]
        let outcome = try succeed(arguments + ["--output", output, "--json"], in: folder)
        #expect(scores(outcome.json) == kind)
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
        let answer = try bytes(of: output)
        let values = try Tensor(npy: answer.span.bytes).floats()
        #expect(zip(values, tail.expected).allSatisfy { abs(Double($0) - $1) < 1e-6 }, "\(values)")
        #expect(scores(try succeed(["inspect", model, "--json"], in: folder).json) == kind)
        for text in [try succeed(arguments, in: folder).output, try succeed(["inspect", model], in: folder).output] {
            #expect(text.contains("\(kind): answers have"), "\(text)")
        }
    }

    @Test(
        "Clients get the model's probabilities unchanged, and the softmax of any other scores",
        arguments: tails.prefix(2))
    func serve(_ tail: ScoreTail) throws {
        let model = try model(tail)
        let answer = try served(model, "served")
        let expected = tail.isProbability ? tail.expected : softmax(tail.expected)
        #expect(answer.count == 3 && zip(answer, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(answer)")
        let manifest = try JSONSerialization.jsonObject(
            with: Data(try bytes(of: folder.file("served.infenclave/manifest.json"))))
        #expect(scores(manifest) == (tail.isProbability ? "probabilities" : "logits"))
    }

    @Test("--scores overrides what the last layers show, with a note, and changes the assessed graph")
    func stated() throws {
        let file = try model(Self.clip)
        let inspected = try succeed(["inspect", file, "--scores", "logits", "--json"], in: folder)
        #expect(scores(inspected.json) == "logits")
        #expect(inspected.errors.contains("note: the last layers keep every value from 0 to 1"), "\(inspected.errors)")
        #expect(try succeed(["inspect", file, "--scores", "probabilities"], in: folder).errors.isEmpty)
        let answer = try served(file, "twice", ["--scores", "logits"])
        #expect(zip(answer, softmax(Self.softmax)).allSatisfy { abs($0 - $1) < 1e-6 }, "\(answer)")

        func description(_ options: [String]) throws -> [String: Any] {
            let answer = try succeed(
                ["assess", Demo.model, "--cost-only", "--cut", "stage2.pool", "--json"] + options, in: folder)
            return try #require((answer.json as? [String: Any])?["model"] as? [String: Any])
        }
        let (shown, other) = (try description([]), try description(["--scores", "logits"]))
        #expect(scores(shown) == "probabilities" && scores(other) == "logits")
        #expect(shown["graphSHA256"] as? String != other["graphSHA256"] as? String)

        let scaled = try model(Self.doubled)
        let outcome = try succeed(["inspect", scaled, "--scores", "probabilities", "--json"], in: folder)
        #expect(scores(outcome.json) == "probabilities")
        #expect(outcome.errors.contains("--scores probabilities"), "\(outcome.errors)")
        let clipped = try served(scaled, "clipped", ["--scores", "probabilities"])
        #expect(zip(clipped, Self.softmax).allSatisfy { abs($0 - min(1, 2 * $1)) < 1e-6 }, "\(clipped)")
        try expectUsage(["inspect", scaled, "--scores", "percent"], in: folder)
        try expectUsage(["assess", scaled, "--cost-only", "--validator-scores", "logits"], in: folder)
    }
}
