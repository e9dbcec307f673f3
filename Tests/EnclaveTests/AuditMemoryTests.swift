// SPDX-License-Identifier: Apache-2.0
import EnclaveFixtures
import Evidence
import Inference
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import TestSupport
import Testing

/// Nine 3x3 convolutions outside. Winograd's algorithm for all of them takes more memory than an enclave may use.
private struct WideModel: BundledModel {
    let isAllInside = false
    private static let shape = [1, 128, 28, 28]
    private static let layers = 9

    static func picture() throws -> Tensor {
        var noise = Noise(seed: 2)
        return try noise.tensor([1, 3, 28, 28])
    }

    private func partition() throws -> TernaryPartition {
        var noise = Noise(seed: 1)
        var nodes: [Node] = []
        var constants: [String: Tensor] = [:]
        func add(
            _ name: String, _ window: Window, _ input: String, _ shape: [Int], _ range: ClosedRange<Float>
        ) throws {
            constants["w\(name)"] = try noise.tensor(shape, in: range)
            nodes.append(
                Node(
                    name: name, operation: .convolution(Convolution(window: window)), inputs: [input, "w\(name)"],
                    outputs: [name]))
        }
        try add("front", Window(kernel: [1, 1]), "x", [128, 3, 1, 1], -1...1)
        for layer in 0..<Self.layers {
            try add(
                "c\(layer)", Window(kernel: [3, 3], pads: [1, 1, 1, 1]), layer == 0 ? "front" : "c\(layer - 1)",
                [128, 128, 3, 3], -0.04...0.04)
        }
        let last = "c\(Self.layers - 1)"
        try add("classes", Window(kernel: [1, 1]), last, [3, 128, 1, 1], -0.1...0.1)
        nodes += [
            Node(
                name: "mean", operation: .globalPooling(GlobalPooling(.average)), inputs: ["classes"], outputs: ["m"]),
            Node(name: "flat", operation: .flatten(Flatten()), inputs: ["m"], outputs: ["logits"]),
        ]
        let graph = try Graph(
            name: "wide", inputs: [Value(name: "x", type: try Self.picture().type)], outputs: ["logits"], nodes: nodes,
            constants: constants)
        return try graph.partitioned(front: try graph.cut(named: "front"), mapping: try graph.cut(named: last))
    }

    func backNetGraph() throws -> Graph { try #require(try partition().back) }

    func frontNetPart() throws -> FrontNetPart {
        let partition = try partition()
        return try FrontNetPart(
            graph: partition.front, normalization: try PixelNormalization(mean: [0, 0, 0], std: [255, 255, 255]),
            boundaryCount: partition.backInputs.count, acceptsFloats: true)
    }

    func mappingUnitPart() throws -> MappingUnitPart {
        try MappingUnitPart(
            graph: try partition().mapping, appliesSoftmax: true, classNames: ["one", "two", "three"], topK: 1)
    }

    func facts() throws -> ServiceFacts {
        let crossing = [TensorType(.float32, try Shape(Self.shape))]
        return try ServiceFacts(
            acceptsFloats: true, precision: .float32, channels: 3, height: 28, width: 28, classes: 3, topK: 1,
            sigma: nil, toHost: crossing, fromHost: crossing)
    }
}

@Suite("Memory of the audit")
struct AuditMemoryTests {
    /// The smallest tolerance that there is: a millionth of the largest value.
    private static let strict = AuditTerms(share: AuditTerms.unit, tolerance: 1, mismatches: .max)

    /// Winograd's algorithm rounds differently from direct convolution, so the results show how many layers use it.
    @Test("The audit's plan uses no more memory than the enclave's bound allows, as its results show")
    func bound() throws {
        let model = WideModel()
        let audited = try AuditedHost(Self.strict, model)
        let picture = try WideModel.picture()
        var results: [ExtraMemory: [Float]] = [:]
        var mismatches: [ExtraMemory: UInt64] = [:]
        for memory in [ExtraMemory.enclave, .plenty, .none] {
            var options = PlanOptions()
            options.extraMemory = memory
            let plan = try Plan(compiling: try model.backNetGraph(), options: options)
            let before = try #require(try audited.renew(Self.strict)).mismatches
            let (answer, askedHost) = try audited.classify(picture) { boundary in
                let result = try plan.run(boundary)[0]
                results[memory] = try result.floats()
                return result
            }
            #expect(answer.status == .answered && askedHost)
            mismatches[memory] = try #require(try audited.renew(Self.strict)).mismatches - before
        }
        // A processor without AVX2 has no code for it.
        guard results[.plenty] != results[.none] else { return }
        #expect(Self.difference(results[.enclave], results[.plenty]) > 1e-6)
        #expect(Self.difference(results[.enclave], results[.none]) > 1e-6)
        #expect(mismatches == [.enclave: 0, .plenty: 1, .none: 1])
    }

    /// Relative to the largest value.
    private static func difference(_ first: [Float]?, _ second: [Float]?) -> Float {
        let (first, second) = (first ?? [], second ?? [])
        let largest = first.reduce(0) { max($0, abs($1)) }
        return zip(first, second).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
    }
}
