// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Foundation
import ModelGraph
import Partitioning
import ReferenceInference
import SealedChannel
import Tensors
import TestSupport
import Testing

/// `--store-weights int8`: weights as integers with a scale for each output channel.
struct IntegerWeightTests {
    private static func value(_ name: String, _ shape: [Int]) throws -> Value {
        Value(name: name, type: TensorType(.float32, try Shape(shape)))
    }

    private static func node(_ name: String, _ operation: ModelGraph.Operation, _ inputs: String...) -> Node {
        Node(name: name, operation: operation, inputs: inputs, outputs: [name])
    }

    /// A graph with each kind of product, with weights and with other constants.
    private static func graph() throws -> Graph {
        var noise = Noise(seed: 3)
        return try Graph(
            name: "products", inputs: [try value("x", [1, 6, 10, 10])], outputs: ["scores"],
            nodes: [
                node("conv", .convolution(Convolution(window: Window(kernel: [3, 3]))), "x", "w"),
                node("rows", .reshape(Reshape([16, 32])), "conv"),
                node("mixed", .matMul(MatMul()), "first", "rows"),
                node("product", .matMul(MatMul()), "mixed", "m"),
                node("again", .matMul(MatMul()), "product", "shared"),
                node("twice", .matMul(MatMul()), "again", "shared"),
                node("scores", .gemm(Gemm(transposeB: true)), "twice", "g", "bias"),
            ],
            constants: [
                "w": try noise.tensor([8, 6, 3, 3]), "first": try noise.tensor([16, 16]),
                "m": try noise.tensor([32, 40]), "shared": try noise.tensor([40, 40]),
                "g": try noise.tensor([10, 40]), "bias": try noise.tensor([10]),
            ])
    }

    /// The largest magnitudes of a constant's channels, by 254: half a step of integers up to 127.
    private static func halfSteps(_ tensor: Tensor, axis: Int) throws -> [Float] {
        let inner = tensor.shape.dimensions[(axis + 1)...].reduce(1, *)
        var largest = [Float](repeating: 0, count: tensor.shape[axis])
        for (index, element) in try tensor.floats().enumerated() {
            let channel = index / inner % largest.count
            largest[channel] = max(largest[channel], element.magnitude)
        }
        // Scales are rounded up to 17 bits.
        return largest.map { $0 / 254 * (1 + 0x1p-14) }
    }

    @Test("Rounding moves a second operand's weights by half a step of their channel at most, and changes no others")
    func rounded() throws {
        let (original, graph) = (try Self.graph(), try Self.graph())
        graph.roundWeightsInPlace(to: .integer8)
        for (name, axis) in [("w", 0), ("m", 1), ("shared", 1), ("g", 0)] {
            let (before, after) = (try #require(original.constants[name]), try #require(graph.constants[name]))
            let bounds = try Self.halfSteps(before, axis: axis)
            let inner = before.shape.dimensions[(axis + 1)...].reduce(1, *)
            var changed = 0
            for (index, (a, b)) in zip(try before.floats(), try after.floats()).enumerated() {
                #expect((a - b).magnitude <= bounds[index / inner % bounds.count], "\(name) \(index)")
                changed += a == b ? 0 : 1
            }
            #expect(changed > before.shape.elementCount / 2)
        }
        for name in ["first", "bias"] {
            #expect(try graph.constants[name]?.floats() == original.constants[name]?.floats())
        }
    }

    @Test("Rounded weights become integers that give bit-identical values, in a quarter of the bytes")
    func stored() throws {
        let graph = try Self.graph()
        graph.roundWeightsInPlace(to: .integer8)
        let stored = try graph.storingIntegers()
        let dequantized = stored.nodes.filter { if case .dequantizeLinear = $0.operation { true } else { false } }
        // `shared` has two uses: a cut between them would have the weights cross.
        #expect(dequantized.flatMap(\.outputs) == ["w", "m", "g"])
        for name in ["w", "m", "g"] { #expect(stored.constants[name] == nil) }
        #expect(stored.constants["w as integers"]?.element == .int8)
        let elements = 8 * 6 * 9 + 32 * 40 + 10 * 40
        #expect(stored.constantBytes == graph.constantBytes - 3 * elements + 5 * (8 + 40 + 10))
        var noise = Noise(seed: 4)
        let x = try noise.tensor([1, 6, 10, 10])
        let (a, b) = (try ReferenceExecutor(graph).run([x])[0], try ReferenceExecutor(stored).run([x])[0])
        #expect(try a.floats() == b.floats())
        // Cuts keep their names and their boundary tensors.
        for cut in graph.cuts.dropLast() { #expect(try stored.cut(named: cut.name).crossing == cut.crossing) }
    }

    @Test("Weights that were not rounded, or whose channel contains NaN or infinity, are not changed")
    func exactOnly() throws {
        let graph = try Self.graph()
        #expect(GraphFile.encode(try graph.storingIntegers()) == GraphFile.encode(graph))
        for value in [Float.nan, .infinity, -.greatestFiniteMagnitude] {
            var constants = graph.constants
            var elements = try #require(constants["m"]).floats()
            elements[4] = value
            constants["m"] = try Tensor(elements, shape: [32, 40])
            let bad = try Graph(
                name: "bad", inputs: graph.inputs, outputs: graph.outputs, nodes: graph.nodes, constants: constants)
            bad.roundWeightsInPlace(to: .integer8)
            if value.isFinite {
                // The scale of the largest finite value is finite.
                #expect(try bad.constants["m"]?.floats().allSatisfy(\.isFinite) == true)
            } else {
                #expect(try bad.constants["m"]?.floats().map(\.bitPattern) == elements.map(\.bitPattern))
                #expect(try bad.storingIntegers().constants["m"] != nil)
            }
        }
    }

    @Test("Channels of zeros, tiny values or one value are exact or zero, and channels of few weights are not changed")
    func edges() throws {
        let few = (0..<31).map { Float($0) / 7 }
        let graph = try Graph(
            name: "edges", inputs: [try Self.value("x", [1, 32]), try Self.value("z", [1, 31])], outputs: ["y", "v"],
            nodes: [
                Self.node("y", .matMul(MatMul()), "x", "w"), Self.node("v", .matMul(MatMul()), "z", "few"),
            ],
            constants: [
                "w": try Tensor(
                    [0, 0x1p-140, 5, -0.0, -0x1p-149, 0] + [Float](repeating: 0, count: 90), shape: [32, 3]),
                "few": try Tensor(few, shape: [31, 1]),
            ])
        graph.roundWeightsInPlace(to: .integer8)
        let values = try #require(graph.constants["w"]).floats()
        #expect([0, 1, 3, 4].allSatisfy { values[$0] == 0 })
        // The scale is rounded up to 17 bits.
        #expect((values[2] - 5).magnitude <= 5 * 0x1p-16)
        #expect(try graph.constants["few"]?.floats() == few)
    }

    @Test("A bundle's parts contain the integers, the manifest says so, and an opened part has the same values")
    func bundle() throws {
        let owner = try Owner()
        var recipe = try owner.recipe()
        var constants = recipe.graph.constants
        // Of 40 channels the integers take fewer bytes.
        var noise = Noise(seed: 5)
        constants["w1"] = try noise.tensor([40, 1, 1, 1])
        constants["w2"] = try noise.tensor([40, 40, 1, 1])
        constants["w3"] = try noise.tensor([3, 40, 1, 1])
        recipe.graph = try Graph(
            name: "tiny", inputs: recipe.graph.inputs, outputs: recipe.graph.outputs, nodes: recipe.graph.nodes,
            constants: constants)
        recipe.graph.roundWeightsInPlace(to: .integer8)
        recipe.storedWeights = .integer8
        let opened = try OpenedBundle(opening: try owner.write("b.infenclave", recipe))
        #expect(opened.manifest.storedWeights == "int8")
        #expect(opened.manifest.boundary.toBackNet.map(\.tensor) == ["a"])
        let back = try #require(opened.backNet)
        #expect(back.constants["w2"] == nil)
        #expect(back.constants["w2 as integers"]?.element == .int8)
        var x = Noise(seed: 6)
        let given = try x.tensor([1, 40, 4, 4])
        let whole = try recipe.graph.partitioned(
            front: recipe.graph.cut(named: "first"), mapping: recipe.graph.cut(named: "second"))
        let expected = try ReferenceExecutor(try #require(whole.back)).run([given])[0].floats()
        #expect(try ReferenceExecutor(back).run([given])[0].floats() == expected)
    }
}
