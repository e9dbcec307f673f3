// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ONNXImport
import OneDNN
import Tensors
import TestSupport
import Testing

struct PrecisionTests {
    /// Options that keep the precision even where the processor is faster in float32.
    private static func options(_ precision: Precision, threads: Int = 1) -> PlanOptions {
        var options = PlanOptions(threads: threads, precision: precision)
        options.keepsSlowPrecision = true
        return options
    }

    /// The largest difference from float32 results, relative to the largest element of an output. Two runs have to
    /// agree to the last bit.
    private func difference(_ problem: Problem, _ precision: Precision, threads: Int = 1) throws -> Float {
        let graph = try problem.graph()
        let expected = try Plan(compiling: graph).run(problem.given)
        let plan = try Plan(compiling: graph, options: Self.options(precision, threads: threads))
        let first = try plan.run(problem.given)
        var worst: Float = 0
        for (a, b) in zip(first, expected) {
            #expect(a.type == b.type)
            let (values, reference) = (try a.floats(), try b.floats())
            let largest = reference.reduce(Float(0)) { max($0, abs($1)) }
            worst = zip(values, reference).reduce(worst) { max($0, abs($1.0 - $1.1) / largest) }
        }
        let second = try plan.run(problem.given)
        #expect(try zip(first, second).allSatisfy { try $0.floats() == $1.floats() })
        return worst
    }

    /// A table with 8-bit integers for every product that can use them.
    private func table(_ calibrator: Calibrator, _ problem: Problem) throws -> PrecisionTable {
        try PrecisionSearch(try problem.graph(), ranges: calibrator.ranges, examples: [], threads: 1).table(.integer8)
    }

    /// A network with shortcuts, poolings, concatenations, groups, scales and gates, whose output are probabilities.
    static func network(_ activation: Activation) throws -> Problem {
        var problem = Problem("network of many kinds with \(activation.function)")
        for (name, shape) in [
            ("w1", [32, 3, 3, 3]), ("w2", [32, 32, 3, 3]), ("w3", [32, 32, 1, 1]), ("w4", [32, 1, 3, 3]),
            ("w5", [16, 64, 1, 1]), ("gate", [16, 16, 1, 1]), ("w6", [32, 16, 1, 1]), ("w7", [128, 10]),
        ] { try problem.constant(name, shape) }
        for name in ["b2", "b4"] { try problem.constant(name, [32]) }
        for name in ["scale", "mean"] { try problem.constant(name, [64]) }
        for name in ["shift", "variance"] { try problem.constant(name, [64], in: 0.5...1) }
        try problem.input("x", [1, 3, 16, 16])
        let same = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
        let point = Convolution(window: Window(kernel: [1, 1]))
        problem.node("c1", .convolution(Convolution(window: same)), "x", "w1")
        problem.node("r1", .activation(activation), "c1")
        problem.node("c2", .convolution(Convolution(window: same)), "r1", "w2", "b2")
        problem.node("r2", .activation(activation), "c2")
        problem.node("c3", .convolution(point), "r2", "w3")
        problem.node("a3", .arithmetic(Arithmetic(.add)), "c3", "r1")
        problem.node("r3", .activation(activation), "a3")
        problem.node("m3", .pooling(Pooling(.maximum, window: Window(kernel: [2, 2], strides: [2, 2]))), "r3")
        problem.node("c4", .convolution(Convolution(window: same, groups: 32)), "m3", "w4", "b4")
        problem.node("j", .concat(Concat(axis: 1)), "m3", "c4")
        problem.node(
            "n", .batchNormalization(BatchNormalization(epsilon: 1e-5)), "j", "scale", "shift", "mean", "variance")
        problem.node("rn", .activation(activation), "n")
        problem.node("c5", .convolution(point), "rn", "w5")
        problem.node("g5", .globalPooling(GlobalPooling(.average)), "c5")
        problem.node("gc", .convolution(point), "g5", "gate")
        problem.node("gs", .activation(Activation(.sigmoid)), "gc")
        problem.node("gm", .arithmetic(Arithmetic(.multiply)), "c5", "gs")
        problem.node("c6", .convolution(point), "gm", "w6")
        problem.node("p6", .pooling(Pooling(.average, window: Window(kernel: [4, 4], strides: [4, 4]))), "c6")
        problem.node("f", .flatten(Flatten()), "p6")
        problem.node("y", .matMul(MatMul()), "f", "w7")
        return problem
    }

    static let activations: [Activation.Function] = [.relu, .hardSwish, .sigmoid, .leakyRelu]

    @Test(
        "bf16 stays within 2% of the largest output", .enabled(if: ProcessorSupport.hasBFloat16), arguments: activations
    )
    func bfloat16(_ function: Activation.Function) throws {
        let problem = try Self.network(Activation(function, alpha: 0.1))
        for threads in 1...2 {
            let worst = try difference(problem, .bfloat16, threads: threads)
            // A difference of 0 would mean that nothing was computed in bfloat16.
            #expect(worst > 0 && worst < 0.02)
        }
    }

    @Test("If bf16 is slower than f32, plans compute in f32 and state the reason")
    func substitutesFloat32() throws {
        let plan = try Plan(
            compiling: try Self.network(Activation(.relu)).graph(), options: PlanOptions(precision: .bfloat16))
        #expect(plan.precision.level == (ProcessorSupport.hasFastBFloat16 ? .bfloat16 : .float32))
        #expect(plan.reducedProducts.isEmpty == !ProcessorSupport.hasFastBFloat16)
        #expect((Precision.whyFloat32(insteadOf: .bfloat16) == nil) == ProcessorSupport.hasFastBFloat16)
        #expect(Precision.whyFloat32(insteadOf: .float32) == nil)
        for (products, unit, intel, expected) in [
            (false, false, false, false), (true, false, true, false), (true, true, true, true),
            (true, false, false, true),
        ] {
            #expect(
                ProcessorSupport.isFastAtBFloat16(hasProducts: products, hasMatrixUnit: unit, isIntel: intel)
                    == expected)
        }
    }

    @Test(
        "bf16 fuses the sum and the activation of a linear layer on tokens",
        .enabled(if: ProcessorSupport.hasBFloat16))
    func linearLayers() throws {
        var problem = Problem("linear layers on tokens")
        try problem.input("x", [1, 40, 32])
        try problem.constant("w1", [32, 32])
        try problem.constant("w2", [32, 32])
        try problem.constant("b", [32])
        problem.node("p", .matMul(MatMul()), "x", "w1")
        problem.node("y", .arithmetic(Arithmetic(.add)), "p", "b")
        problem.node("g", .activation(Activation(.gelu)), "y")
        problem.node("q", .matMul(MatMul()), "g", "w2")
        problem.node("z", .arithmetic(Arithmetic(.add)), "q", "x")
        let worst = try difference(problem, .bfloat16)
        #expect(worst > 0 && worst < 0.02)
        let plan = try Plan(
            compiling: try problem.graph(), options: Self.options(.bfloat16))
        #expect(plan.kinds == ["inner product", "inner product"])
    }

    @Test(
        "int8 fuses a convolution with its activation and a following scalar factor",
        .enabled(if: ProcessorSupport.hasInteger8))
    func scaledInteger8() throws {
        var problem = Problem("a number times an activated convolution")
        try problem.input("x", [1, 16, 12, 12])
        for name in ["w1", "w2", "w3"] { try problem.constant(name, [16, 16, 3, 3]) }
        try problem.constant("number", [], in: 0.17...0.17)
        let same = Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))
        problem.node("c1", .convolution(same), "x", "w1")
        problem.node("r1", .activation(Activation(.relu)), "c1")
        problem.node("s1", .arithmetic(Arithmetic(.multiply)), "r1", "number")
        problem.node("c2", .convolution(same), "s1", "w2")
        problem.node("r2", .activation(Activation(.relu)), "c2")
        problem.node("y", .convolution(same), "r2", "w3")
        var calibrator = try Calibrator(try problem.graph(), threads: 1)
        try calibrator.observe(problem.given)
        let levels = ["c1", "c2", "y"].map { ($0, PrecisionTable.Product(.integer8, roundsResult: true)) }
        let ranges = try table(calibrator, problem).ranges
        let precision = Precision(
            PrecisionTable(products: Dictionary(uniqueKeysWithValues: levels), ranges: ranges))
        let plan = try Plan(compiling: try problem.graph(), options: Self.options(precision))
        #expect(plan.kinds.filter { $0 == "int8 convolution" }.count == 3)
        #expect(try difference(problem, precision) < 0.08)
    }

    @Test(
        "int8 stays within 8% of the largest output of a network with random weights",
        .enabled(if: ProcessorSupport.hasInteger8), arguments: activations)
    func int8(_ function: Activation.Function) throws {
        let problem = try Self.network(Activation(function, alpha: 0.1))
        var calibrator = try Calibrator(try problem.graph(), threads: 1)
        try calibrator.observe(problem.given)
        let table = try table(calibrator, problem)
        var products = table.products
        products["c1"] = .init(.integer8, roundsResult: true)
        for (name, table) in [("bf16", table), ("int8", PrecisionTable(products: products, ranges: table.ranges))] {
            let worst = try difference(problem, Precision(table))
            #expect(worst > 0 && worst < 0.08, "first layer in \(name)")
        }
    }

    @Test("Most convolutions of a quantised plan compute with integers", .enabled(if: ProcessorSupport.hasInteger8))
    func usesIntegers() throws {
        let problem = try Self.network(Activation(.relu))
        let graph = try problem.graph()
        var calibrator = try Calibrator(graph, threads: 1)
        try calibrator.observe(problem.given)
        let plan = try Plan(
            compiling: graph, options: Self.options(Precision(try table(calibrator, problem))))
        #expect(plan.precision.level == .integer8)
        #expect(plan.reducedProducts.values.count { $0 == .integer8 } == 6)
        #expect(plan.steps.count { $0.kind == "int8 convolution" } == 6)
        #expect(plan.steps.contains { $0.kind == "int8 scale and shift" })
        // Without measured ranges nothing is quantised.
        let unmeasured = try table(try Calibrator(graph, threads: 1), problem)
        let other = try Plan(compiling: graph, options: Self.options(Precision(unmeasured)))
        #expect(!other.steps.contains { $0.kind == "int8 convolution" })
        _ = try other.run(problem.given)
    }

    @Test("A NaN does not stop the calibration", .enabled(if: ProcessorSupport.hasInteger8))
    func survivesNaN() throws {
        let problem = try Self.network(Activation(.relu))
        var calibrator = try Calibrator(try problem.graph(), threads: 1)
        for value in [Float.nan, .infinity, -.infinity, 0, .greatestFiniteMagnitude, .leastNonzeroMagnitude] {
            let input = try Tensor([Float](repeating: value, count: 768), shape: [1, 3, 16, 16])
            try calibrator.observe([input])
        }
        let options = Self.options(Precision(try table(calibrator, problem)))
        _ = try Plan(compiling: try problem.graph(), options: options).run(problem.given)
    }

    @Test(
        "The parts of a partitioned network agree with the whole in the same precision, at every cut",
        .enabled(if: ProcessorSupport.hasBFloat16 && ProcessorSupport.hasInteger8),
        arguments: [PrecisionTable.Level.bfloat16, .integer8])
    func cuts(_ level: PrecisionTable.Level) throws {
        let problem = try Self.network(Activation(.relu))
        let graph = try problem.graph()
        var calibrator = try Calibrator(graph, threads: 1)
        try calibrator.observe(problem.given)
        let table = try PrecisionSearch(graph, ranges: calibrator.ranges, examples: [], threads: 1).table(level)
        func run(_ part: Graph, _ inputs: [Tensor]) throws -> [Tensor] {
            let precision = Precision(table.restricted(to: part))
            return try Plan(compiling: part, options: Self.options(precision)).run(inputs)
        }
        let expected = try run(graph, problem.given)[0].floats()
        let exact = try Plan(compiling: graph).run(problem.given)[0].floats()
        let largest = expected.reduce(Float(0)) { max($0, abs($1)) }
        let rounding = zip(expected, exact).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        let last = try #require(graph.cuts.last)
        for cut in graph.cuts.dropLast() where !cut.exposesInput {
            let parts = try graph.partitioned(front: cut, mapping: last)
            let crossing = try run(parts.front, problem.given)
            let back = try run(try #require(parts.back), Array(crossing.prefix(parts.backInputs.count)))
            let actual = try back[0].floats()
            let worst = zip(actual, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            // A cut between nodes that would be fused rounds a sum at another place, by at most the rounding of the
            // precision.
            #expect(worst <= max(2 * rounding, 1e-5 * largest), "cut after \(cut.name): \(worst) of \(largest)")
        }
    }

    @Test(
        "The precision search stays within its error bound, and keeps as many layers as possible in integers",
        .enabled(if: ProcessorSupport.hasBFloat16 && ProcessorSupport.hasInteger8))
    func searches() throws {
        let problem = try Self.network(Activation(.relu))
        let graph = try problem.graph()
        var calibrator = try Calibrator(graph, threads: 1)
        try calibrator.observe(problem.given)
        let search = try PrecisionSearch(
            graph, ranges: calibrator.ranges, examples: [problem.given], threads: 1)
        let expected = try Plan(compiling: graph).run(problem.given)[0].floats()
        var counts: [Int] = []
        for bound in [1e9, 1e-4, 0] {
            let table = try search.table(.integer8, bound: .init(divergence: bound))
            let plan = try Plan(compiling: graph, options: Self.options(Precision(table)))
            var agreement = OutputAgreement(graph.scoreKind)
            agreement.add(expected: expected, actual: try plan.run(problem.given)[0].floats())
            #expect(agreement.meanDivergence <= bound)
            counts.append(table.products.values.count { $0.level == .integer8 })
        }
        #expect(counts[0] == 6 && counts[2] == 0 && counts[1] <= counts[0])
        // No agreement is above 1, so every product stays in float32.
        let strict = try search.table(.integer8, bound: .init(divergence: 1e9, agreement: 1.1))
        #expect(strict.products.values.allSatisfy { $0.level == .float32 })
    }
}
