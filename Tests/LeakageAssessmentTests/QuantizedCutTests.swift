// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Cuts at integer tensors")
struct QuantizedCutTests {
    /// ``TinyNetwork`` with the result of `relu1` rounded to 256 levels.
    private static func network() throws -> AssessmentConfiguration.Network {
        var network = try TinyNetwork.network()
        let graph = network.graph
        var (nodes, constants) = (graph.nodes, graph.constants)
        constants["scale"] = try Tensor([Float(0.02)], shape: [])
        constants["zero"] = try Tensor([UInt8(0)], shape: [])
        nodes.insert(
            contentsOf: [
                Node(
                    name: "quantize", operation: .quantizeLinear(QuantizeLinear(axis: 1)),
                    inputs: ["b", "scale", "zero"], outputs: ["b.q"]),
                Node(
                    name: "dequantize", operation: .dequantizeLinear(DequantizeLinear(axis: 1)),
                    inputs: ["b.q", "scale", "zero"], outputs: ["b.f"]),
            ], at: 2)
        let pool = nodes[4]
        nodes[4] = Node(name: pool.name, operation: pool.operation, inputs: ["b.f"], outputs: pool.outputs)
        network.graph = try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, nodes: nodes, constants: constants)
        return network
    }

    private static func configuration(_ pictures: DrawnPictures) throws -> AssessmentConfiguration {
        var configuration = try pictures.configuration()
        configuration.model = try network()
        configuration.trainedCuts = .none
        configuration.measuresTime = false
        return configuration
    }

    @Test("Attacks on integers agree with attacks on the dequantised floats: R² to 0.05")
    func decoders() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try Self.configuration(pictures)
        // The model is its own validator, so that the validator has maps of integers too.
        configuration.validator = nil
        configuration.cuts = .named(["quantize", "dequantize"])
        let result = try Assessor(configuration).run()
        let (integers, floats) = (result.cuts[0], result.cuts[1])
        #expect(integers.name == "quantize" && floats.name == "dequantize")
        #expect(floats.decoder.rSquared > 0.3)
        #expect(abs(integers.decoder.rSquared - floats.decoder.rSquared) < 0.05)
        // Each IR image has the range of its channel.
        let kl = (try #require(integers.channelKL).own, try #require(floats.channelKL).own)
        #expect(zip(kl.0, kl.1).allSatisfy { abs($0 - $1) < 0.01 })
    }

    @Test("Gradient attacks and noise omit integer cuts and report that")
    func leftOut() throws {
        let pictures = try DrawnPictures(count: 16)
        var configuration = try Self.configuration(pictures)
        configuration.adversary = .informed
        configuration.triesNoise = true
        configuration.cuts = .named(["quantize"])
        let result = try Assessor(configuration).run()
        #expect(result.cuts[0].noise == nil && result.cuts[0].whiteBox == nil)
        #expect(result.warnings.contains { $0.contains("No noise was tried at 'quantize'") })
        #expect(result.warnings.contains { $0.contains("bounds could not be estimated") })
    }

    @Test("Integer cuts are default cuts, and can be exported for external attacks as f32")
    func defaults() throws {
        let pictures = try DrawnPictures(count: 8)
        let configuration = try Self.configuration(pictures)
        #expect(configuration.model.graph.assessableCuts.contains { $0.name == "quantize" })
        let summary = try FeatureExport(configuration, cut: "quantize").write(to: pictures.path("features"))
        #expect(summary.shape == [8, 6, 16, 16])
    }

    @Test("Elements of every type are read as their numeric values")
    func elements() throws {
        func tensor<Value: BitwiseCopyable>(_ element: ElementType, _ values: [Value]) throws -> Tensor {
            Tensor(type: TensorType(element, try Shape([values.count]))) { target in
                values.withUnsafeBytes { target.copyMemory(from: $0) }
            }
        }
        #expect(try tensor(.float32, [Float(-0.5), 3]).converted.floats() == [-0.5, 3])
        #expect(try tensor(.uint8, [UInt8(0), 200]).converted.floats() == [0, 200])
        #expect(try tensor(.int8, [Int8(-100), 7]).converted.floats() == [-100, 7])
        #expect(try tensor(.int32, [Int32(-100_000), 7]).converted.floats() == [-100_000, 7])
        #expect(try tensor(.int64, [Int64(-100_000), 7]).converted.floats() == [-100_000, 7])
        #expect(try tensor(.boolean, [UInt8(0), 1]).converted.floats() == [0, 1])
    }
}
