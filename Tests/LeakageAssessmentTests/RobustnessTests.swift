// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Assessments of invalid pictures and networks")
struct RobustnessTests {
    private func refusal(_ configuration: AssessmentConfiguration) -> AssessmentError? {
        #expect(throws: AssessmentError.self) { try Assessor(configuration).run() }
    }

    /// The tiny network with one constant's first value replaced.
    private func network(_ constant: String, _ value: Float) throws -> Graph {
        let graph = try TinyNetwork.graph()
        var constants = graph.constants
        let old = try #require(constants[constant])
        var values = try old.floats()
        values[0] = value
        constants[constant] = try Tensor(values, shape: old.type.shape.dimensions)
        return try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, nodes: graph.nodes, constants: constants)
    }

    @Test(
        "A NaN is detected wherever it arises, even if the next layer hides it",
        arguments: ["w1", "w2", "w3"], [Float.nan, .infinity, -.infinity])
    func notFinite(constant: String, value: Float) throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.model.graph = try network(constant, value)
        // The only cut that is assessed is behind everything.
        configuration.cuts = .named(["flat"])
        let error = refusal(configuration)
        #expect(error?.code == .notFinite)
        #expect(error?.message.contains(".png") == true)
    }

    @Test("An input that overflows is refused, although a ReLU would turn it into zeros")
    func overflow() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.model.preprocessing = try Preprocessing(
            width: 16, height: 16, channels: .rgb, resize: .stretch, interpolation: .bilinear,
            mean: [254.9, 254.9, 254.9], std: [1e-37, 1e-37, 1e-37])
        #expect(refusal(configuration)?.code == .notFinite)
    }

    @Test("A validator with non-finite results is refused with the picture's name")
    func badValidator() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.validator?.graph = try network("w3", .nan)
        let error = refusal(configuration)
        #expect(error?.code == .notFinite)
        #expect(error?.message.contains("validator") == true && error?.message.contains("100.png") == true)
    }

    @Test("A validator with another input size needs its own preprocessing, and may have other classes than the model")
    func otherValidator() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.validator?.preprocessing = .imageNet
        #expect(throws: AssessmentError.self) { try Assessor(configuration) }
        configuration.validator = try TinyNetwork.network(seed: 3, classes: 11)
        #expect(try Assessor(configuration).run().validator?.classes == 11)
    }

    @Test("Pictures of a single class cause a warning")
    func oneClass() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.validator?.graph = try TinyNetwork.graph(classes: 6, scale: 0)
        let result = try Assessor(configuration).run()
        #expect(result.warnings.contains { $0.contains("one class in all pictures") })
        #expect(result.validatorUnsure == 8)
    }

    @Test("Pictures of one colour each are measured with a warning, and no result is NaN")
    func constantPictures() throws {
        let pictures = try DrawnPictures(count: 0)
        for index in 0..<10 {
            try pictures.write(.init(repeating: UInt8(20 * index), count: 1200), to: "\(index).png")
        }
        let result = try Assessor(pictures.configuration()).run()
        #expect(result.warnings.contains { $0.hasPrefix("10 of the pictures have one colour") })
        for cut in result.cuts {
            #expect(cut.decoder.rSquared.isFinite && cut.decoder.similarity.isFinite)
            #expect(cut.decoder.rSquaredError.isFinite)
            #expect(cut.channelKL?.own.allSatisfy(\.isFinite) ?? true)
        }
    }

    @Test("A picture that changes during the assessment is detected")
    func changed() throws {
        let pictures = try DrawnPictures(count: 12)
        let configuration = try pictures.configuration()
        let error = #expect(throws: AssessmentError.self) {
            try Assessor(configuration).run { report in
                guard report.stage == .readingPictures, report.done == report.total else { return }
                for index in 100...111 {
                    try? pictures.write((0..<1200).map { UInt8(($0 + index) % 251) }, to: "\(index).png")
                }
            }
        }
        #expect(error?.code == .file && error?.message.contains("changed during") == true)
    }
}
