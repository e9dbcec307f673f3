// SPDX-License-Identifier: Apache-2.0
import Crypto
import DarknetImport
import Foundation
import Hexadecimal
import Imaging
import Inference
import ModelGraph
import Tensors
import TestSupport
import Testing

/// Networks against the answers of the Darknet program itself.
@Suite(.enabled(if: SharedFiles.exists("models/darknet/reference.json"), "\(SharedFiles.absence)"))
struct ReferenceTests {
    struct References: Decodable {
        let references: [Reference]
    }

    struct Reference: Decodable, Sendable, CustomTestStringConvertible {
        struct Entry: Decodable {
            let id: Int
            let probability: Float
        }

        let model: String
        let image: String
        let preprocessing: String
        let top5: [Entry]
        let inputTensor: String?
        let outputTensor: String?

        var testDescription: String { "\(model) on \(image)" }
        var isLetterboxed: Bool { preprocessing.hasPrefix("Darknet's own") }
    }

    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    static let references =
        (try? decoder.decode(
            References.self, from: SharedFiles.bytes("models/darknet/reference.json")))?.references ?? []

    static func load(_ name: String) throws -> DarknetModel {
        try DarknetModel(
            name: name, configuration: SharedFiles.bytes("models/darknet/\(name).cfg").bytes,
            weights: SharedFiles.bytes("models/darknet/\(name).weights").bytes)
    }

    static func crop(_ path: String, _ shape: [Int]) throws -> Tensor {
        let preprocessing = try Preprocessing(
            width: shape[3], height: shape[2], channels: .rgb, resize: .none, interpolation: .bilinear,
            mean: [0, 0, 0],
            std: [255, 255, 255])
        return try Preprocessor(preprocessing).tensor(of: Image(contentsOf: SharedFiles.path(path)))
    }

    @Test(
        "A trained network agrees with the Darknet program's probabilities to 1e-4",
        arguments: references.filter { !$0.isLetterboxed })
    func trained(_ reference: Reference) throws {
        let model = try Self.load(reference.model)
        let input = try Self.crop(reference.image, model.graph.inputs[0].type.shape.dimensions)
        let output = try Plan(compiling: model.graph).run([input])[0]
        let values = try output.floats()
        for entry in reference.top5 { #expect(abs(values[entry.id] - entry.probability) <= 1e-4) }
        if let file = reference.outputTensor {
            let expected = try SharedFiles.array("models/darknet/\(file)")
            try expectClose(
                output.reshaped([values.count]), expected.reshaped([values.count]), relativeToLargest: 1e-4)
        }
    }

    @Test(
        "A letterboxed photograph gives the Darknet program's probabilities",
        arguments: references.filter(\.isLetterboxed))
    func letterboxed(_ reference: Reference) throws {
        let model = try Self.load(reference.model)
        let preprocessing = try #require(model.preprocessing)
        let image = try Image(contentsOf: SharedFiles.path(reference.image))
        let input = try Preprocessor(preprocessing).tensor(of: image)
        if let file = reference.inputTensor {
            // Another JPEG decoder, and rounding to 8 bits, differ by a few levels at most.
            let expected = try SharedFiles.array("models/darknet/\(file)")
            let pairs = zip(try input.floats(), try expected.floats())
            let differences = pairs.map { abs($0 - $1) }
            #expect(input.shape.elementCount == expected.shape.elementCount)
            #expect(differences.reduce(0, +) / Float(differences.count) < 0.004)
            #expect(differences.max() ?? 1 < 0.05)
            let output = try Plan(compiling: model.graph).run([
                expected.reshaped(model.graph.inputs[0].type.shape.dimensions)
            ])[0]
            let file = try #require(reference.outputTensor)
            let stored = try SharedFiles.array("models/darknet/\(file)")
            try expectClose(
                output.reshaped([output.shape.elementCount]), stored.reshaped([output.shape.elementCount]),
                relativeToLargest: 1e-4)
        }
        let values = try Plan(compiling: model.graph).run([input])[0].floats()
        let best = values.indices.max { values[$0] < values[$1] }
        #expect(best == reference.top5[0].id)
        for entry in reference.top5 { #expect(abs(values[entry.id] - entry.probability) <= 0.02) }
    }

    struct Generated: Decodable {
        let gain: Double
        let floats: Int
        let weightsSha256: String
        let layerOutputShapesChw: [[Int]]
    }

    @Test(
        "A network with generated weights agrees with the Darknet program's probabilities to 1e-4 of the largest",
        arguments: SharedFiles.names(in: "models/darknet/generated").filter { $0.hasSuffix(".json") }
            .map { String($0.dropLast(5)) })
    func generated(_ name: String) throws {
        let folder = "models/darknet"
        let rule = try Self.decoder.decode(
            Generated.self, from: SharedFiles.bytes("\(folder)/generated/\(name).json"))
        let configuration = try SharedFiles.bytes("\(folder)/\(name).cfg")
        let weights = GeneratedWeights.file(
            configuration: String(decoding: configuration, as: UTF8.self), input: [3, 0, 0],
            shapes: rule.layerOutputShapesChw, gain: rule.gain)
        #expect(weights.count == 20 + 4 * rule.floats)
        #expect(Array(SHA256.hash(data: weights)).hex == rule.weightsSha256)
        let graph = try DarknetModel(
            name: name, configuration: configuration.bytes, weights: weights.span.bytes
        ).graph
        let input = try Self.crop("images/reference/dog.png", graph.inputs[0].type.shape.dimensions)
        let output = try Plan(compiling: graph).run([input])[0]
        let expected = try SharedFiles.array("\(folder)/generated/\(name)-output.npy")
        let count = expected.shape.elementCount
        try expectClose(output.reshaped([count]), expected.reshaped([count]), relativeToLargest: 1e-4)
    }
}
