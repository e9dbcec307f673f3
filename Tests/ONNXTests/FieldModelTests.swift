// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ONNXImport
import Tensors
import TestSupport
import Testing

/// Models as exporters write them and users have them, with ONNX Runtime's answers: `field/models` of the collection.
@Suite(.enabled(if: SharedFiles.exists("field/models"), "\(SharedFiles.absence)"))
struct FieldModelTests {
    static let names = SharedFiles.names(in: "field/models")
    /// The settings that a model needs, by name: an output, or a shape.
    static let outputs = ["two-outputs-features-first": "h_f"]
    static let openShapes: Set<String> = ["optimum-pixel-values"]

    private func model(
        _ name: String, _ change: (inout ONNXImportSettings) -> Void = { _ in }
    ) throws -> ONNXModel {
        var settings = ONNXImportSettings()
        settings.isClassifier = true
        change(&settings)
        return try ONNXModel.load(path: SharedFiles.path("field/models/\(name)/model.onnx"), settings: settings)
    }

    /// One picture after the other, as the command runs them.
    private func answer(_ model: ONNXModel, _ given: Tensor) throws -> [Float] {
        let picture = try #require(model.picture)
        let shape = model.graph.inputs[0].type.shape
        let all = try picture.tensor(from: given, for: shape)
        let plan = try Plan(compiling: model.graph)
        let (values, count) = (try all.floats(), shape.elementCount)
        return try (0..<values.count / count).flatMap { row in
            let one = try Tensor(Array(values[row * count..<(row + 1) * count]), shape: shape.dimensions)
            let answer = try plan.run([one])[0].floats()
            return model.answersInHalf ? answer.map { Float(Float16($0)) } : answer
        }
    }

    @Test("Exported models agree with ONNX Runtime through the engine", arguments: names)
    func agrees(_ name: String) throws {
        let input = try SharedFiles.array("field/models/\(name)/input.npy")
        let model = try model(name) { settings in
            settings.output = Self.outputs[name]
            if Self.openShapes.contains(name) { settings.inputShape = input.shape.dimensions }
        }
        #expect(model.graph.inputs.map(\.type.element) == [.float32])
        #expect(model.graph.inputs[0].type.shape.rank == 4 && model.graph.inputs[0].type.shape[1] == 3)
        let output = try answer(model, input)
        guard SharedFiles.exists("field/models/\(name)/expected.npy") else {
            // This file has only labels as outputs, so that only the properties of scores can be checked.
            #expect(abs(output.reduce(0, +) - 1) < 1e-5 && output.allSatisfy { $0 >= 0 })
            return
        }
        let expected = try SharedFiles.array("field/models/\(name)/expected.npy").floats()
        try #require(output.count == expected.count)
        let largest = expected.reduce(0) { max($0, abs($1)) }
        // One step of probabilities in 8 bits.
        let tolerance: Float = name.hasPrefix("quant") ? 1 / 255 : 1e-4 * largest
        for (index, (value, reference)) in zip(output, expected).enumerated() {
            #expect(abs(value - reference) <= tolerance, "element \(index) is \(value), expected \(reference)")
        }
    }

    @Test("An open height is refused with the option that sets it, and taken from the preprocessing")
    func openShape() throws {
        let error = try #require(#expect(throws: ONNXImportError.self) { try model("optimum-pixel-values") })
        #expect(error.code == .inputShape)
        #expect(error.message.contains("--shape 1,3,224,224"))
        let graph = try model("optimum-pixel-values") { $0.pictureSize = .init(channels: 3, height: 32, width: 48) }
            .graph
        #expect(graph.inputs[0].type.shape.dimensions == [1, 3, 32, 48])
    }

    @Test("Several outputs are refused with a list of them, until one is named")
    func severalOutputs() throws {
        let name = "two-outputs-features-first"
        let error = try #require(#expect(throws: ONNXImportError.self) { try model(name) })
        #expect(error.code == .output)
        for phrase in ["'h_f', 'logits'", "--output NAME"] { #expect(error.message.contains(phrase)) }
        let wrong = #expect(throws: ONNXImportError.self) { try model(name) { $0.output = "nothing" } }
        #expect(wrong?.code == .output)
        #expect(try model(name) { $0.output = "logits" }.graph.outputs == ["logits"])
    }

    @Test("Label outputs are removed with a note", arguments: ["argmax-second-output", "zipmap-customvision"])
    func labels(_ name: String) throws {
        let model = try model(name)
        #expect(model.graph.outputs == [name == "zipmap-customvision" ? "prob" : "logits"])
        #expect(model.notes.contains { $0.contains("left out") })
    }

    @Test("A channels-last model gets its picture with channels first, without a transposing step")
    func channelsLast() throws {
        let graph = try model("nhwc-transpose").graph
        #expect(graph.inputs[0].type.shape.dimensions == [1, 3, 32, 32])
        #expect(!graph.nodes.contains { if case .transpose = $0.operation { true } else { false } })
        #expect(graph.cuts.dropLast().contains { !$0.exposesInput })
    }

    @Test("A model with a pixel input is reported as such")
    func pixels() throws {
        #expect(try model("uint8-input-cast").picture?.takesPixels == true)
        #expect(try model("nhwc-transpose").picture?.takesPixels == false)
    }
}
