// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import OneDNN
import Tensors
import TestSupport
import Testing

/// Concatenations whose parts are written directly to their place in the result, if the layouts permit it. Results have
/// the same bits as with copies. The exception are sums that can no longer overwrite an operand. Nodes that read or
/// overwrite the parts afterwards are not disturbed.
struct ConcatenationTests {
    private static let name = "concatenation in place"

    private static func convolution(_ kernel: Int) -> ModelGraph.Operation {
        let pad = kernel / 2
        return .convolution(Convolution(window: Window(kernel: [kernel, kernel], pads: [pad, pad, pad, pad])))
    }

    /// A chain of four convolutions `c0` to `c3` of x `[batch, 16, 8, 8]`, each with 16 channels, and weights `v2` to
    /// `v4` of 1x1 convolutions of 2 to 4 concatenated ones.
    private static func start(_ description: String, batch: Int = 1) throws -> Problem {
        var problem = Problem(description)
        for index in 0..<4 { try problem.constant("w\(index)", [16, 16, 3, 3]) }
        for index in 2...4 { try problem.constant("v\(index)", [16, 16 * index, 1, 1]) }
        try problem.input("x", [batch, 16, 8, 8])
        for index in 0..<4 {
            problem.node("c\(index)", convolution(3), index == 0 ? "x" : "c\(index - 1)", "w\(index)")
        }
        return problem
    }

    private static func join(_ problem: inout Problem, _ name: String, _ parts: String...) {
        problem.join(name, parts)
    }

    /// Whether oneDNN's convolutions on this processor use layouts with blocks of channels.
    private static func hasBlocks() throws -> Bool {
        var problem = try start("one")
        join(&problem, "j", "c0", "c1")
        return try isBlocked(problem)
    }

    private static func isBlocked(_ problem: Problem) throws -> Bool {
        try Plan(compiling: try problem.graph()).steps.contains {
            $0.result.hasSuffix("8b") || $0.result.hasSuffix("16b")
        }
    }

    /// Compares the results with the reference, and bit by bit with those of a plan that copies the parts.
    private static func check(_ problem: Problem, threads: Int = 1) throws -> Plan {
        let plan = try problem.check(threads: threads)
        var options = PlanOptions(threads: threads)
        options.joinsInPlace = false
        let copying = try Plan(compiling: try problem.graph(), options: options)
        #expect(copying.rewrites(by: name).isEmpty)
        for (a, b) in zip(try plan.run(problem.given), try copying.run(problem.given)) {
            #expect(try a.floats() == b.floats())
        }
        return plan
    }

    @Test("With AVX-512, the blocked layout is chosen if enough channels are concatenated, and channels-last otherwise")
    func choosesLayout() throws {
        guard ProcessorSupport.hasAVX512 else { return }
        #expect(try Self.hasBlocks())
        #expect(try !Self.isBlocked(Self.start("nothing joined")))
        var batch = try Self.start("two images", batch: 2)
        Self.join(&batch, "j", "c0", "c1")
        #expect(try !Self.isBlocked(batch))
        var rows = try Self.start("rows joined")
        rows.nodes.append(Node(name: "j", operation: .concat(Concat(axis: 2)), inputs: ["c0", "c1"], outputs: ["j"]))
        rows.outputs = ["j"]
        #expect(try !Self.isBlocked(rows))
        var small = try Self.start("parts of 8 channels")
        try small.constant("half", [8, 16, 1, 1])
        small.node("h", Self.convolution(1), "c0", "half")
        Self.join(&small, "j", "h", "h")
        #expect(try !Self.isBlocked(small))
    }

    @Test("Two convolutions write directly into their concatenation, and the plan lists this", arguments: [1, 2])
    func joinsTwo(_ threads: Int) throws {
        var problem = try Self.start("two")
        Self.join(&problem, "j", "c0", "c1")
        problem.node("y", Self.convolution(1), "j", "v2")
        let plan = try Self.check(problem, threads: threads)
        guard try Self.hasBlocks() else { return }
        #expect(plan.rewrites(by: Self.name) == ["j"])
        #expect(!plan.kinds.contains("concat"))
        #expect(plan.steps.filter { $0.fused.contains("j") }.map(\.name) == ["c0", "c1"])
    }

    @Test("Chained concatenations, and operands shared by several, run without copies as in DenseNet")
    func joinsChains() throws {
        var problem = try Self.start("dense")
        Self.join(&problem, "j1", "c0", "c1")
        Self.join(&problem, "j2", "j1", "c2")
        problem.node("y", Self.convolution(1), "j2", "v3")
        let chain = try Self.check(problem)
        Self.join(&problem, "j3", "c0", "c1", "c2", "c3")
        problem.node("z", Self.convolution(1), "j3", "v4")
        problem.outputs = ["y", "z", "j1", "c1", "j3"]
        let both = try Self.check(problem)
        guard try Self.hasBlocks() else { return }
        #expect(chain.rewrites(by: Self.name) == ["j1", "j2"])
        #expect(both.rewrites(by: Self.name) == ["j1", "j2", "j3"])
    }

    @Test("Operands that are concatenated twice, used elsewhere or inputs agree with the reference")
    func copiesWhatHasAPlace() throws {
        for parts in [["c0", "c0"], ["c0", "x"], ["x", "c1"], ["c1", "c0", "c1"], ["x", "x"]] {
            var problem = try Self.start("\(parts)")
            problem.join("j", parts)
            problem.node("y", Self.convolution(1), "j", "v\(parts.count)")
            problem.outputs = ["y", "c0", "c3"]
            _ = try Self.check(problem)
            problem.join("k", parts.reversed())
            problem.node("z", Self.convolution(1), "k", "v\(parts.count)")
            problem.outputs = ["z", "y"]
            _ = try Self.check(problem)
        }
    }

    @Test("An in-place sum does not overwrite an operand that the concatenation still needs")
    func keepsParts() throws {
        for reader in ["c0", "c1"] {
            var problem = try Self.start("sum on \(reader)")
            Self.join(&problem, "j", "c0", "c1")
            problem.node("d", Self.convolution(3), "c2", "w3")
            problem.node("s", .arithmetic(Arithmetic(.add)), "d", reader)
            problem.node("t", .activation(Activation(.leakyRelu, alpha: 0.1)), reader)
            problem.node("y", Self.convolution(1), "j", "v2")
            // Bits are not compared: a sum that must not overwrite the part is rounded in another order.
            problem.outputs = ["y", "s", "t"]
            try problem.check()
            problem.outputs = ["s", "y"]
            try problem.check()
        }
    }

    @Test("Batches of several images are concatenated by copying")
    func leavesBatches() throws {
        var problem = try Self.start("two images", batch: 2)
        Self.join(&problem, "j", "c0", "c1")
        problem.node("y", Self.convolution(1), "j", "v2")
        #expect(try Self.check(problem).rewrites(by: Self.name).isEmpty)
    }

    @Test("A gate on blocked channels has optimised code, with separate values for each image", arguments: [1, 3])
    func gatesBlocks(_ batch: Int) throws {
        for hasReLU in [false, true] {
            var problem = try Self.start("gate", batch: batch)
            problem.node("g", .globalPooling(GlobalPooling(.average)), "c1")
            problem.node("s", .activation(Activation(.sigmoid)), "g")
            problem.node("m", .arithmetic(Arithmetic(.multiply)), "c1", "s")
            if hasReLU { problem.node("r", .activation(Activation(.relu)), "m") }
            problem.node("y", Self.convolution(3), hasReLU ? "r" : "m", "w3")
            problem.outputs = ["y", "c1"]
            let plan = try problem.check(threads: 2)
            #expect(plan.steps.allSatisfy { !$0.implementation.hasPrefix("ref") })
        }
    }

    @Test("Scale and shift of blocked channels have optimised code")
    func scalesBlocks() throws {
        var problem = try Self.start("scale and shift")
        for parameter in ["scale", "shift", "mean"] { try problem.constant(parameter, [32]) }
        try problem.constant("variance", [32], in: 0.5...2)
        Self.join(&problem, "j", "c0", "c1")
        problem.node(
            "n", .batchNormalization(BatchNormalization(epsilon: 1e-3)), "j", "scale", "shift", "mean", "variance")
        problem.node("r", .activation(Activation(.relu)), "n")
        problem.node("y", Self.convolution(1), "r", "v2")
        let plan = try problem.check()
        #expect(plan.steps.allSatisfy { !$0.implementation.hasPrefix("ref") })
    }

    @Test("Scale and shift of channels that do not fill a block leave zeros in its padding", arguments: 1...20)
    func scalesPartialBlocks(channels: Int) throws {
        var problem = Problem("\(channels) channels")
        try problem.input("x", [1, 16, 8, 8])
        try problem.constant("w", [channels, 16, 1, 1])
        try problem.constant("d", [channels, 1, 3, 3])
        try problem.constant("v", [20, channels, 1, 1])
        for parameter in ["scale", "shift", "mean"] { try problem.constant(parameter, [channels]) }
        try problem.constant("variance", [channels], in: 0.5...2)
        problem.node("c", Self.convolution(1), "x", "w")
        // `c` has two users, so that the normalisation is not folded into its convolution. A convolution that reads
        // whole blocks follows.
        problem.node(
            "n", .batchNormalization(BatchNormalization(epsilon: 1e-3)), "c", "scale", "shift", "mean", "variance")
        problem.node(
            "g", .convolution(Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]), groups: channels)), "c",
            "d")
        problem.node("s", .arithmetic(Arithmetic(.add)), "g", "n")
        problem.node("y", Self.convolution(1), "s", "v")
        try problem.check()
    }

    private static let activations: [Activation.Function] = [
        .sigmoid, .hardSigmoid, .exponential, .logarithm, .softplus, .gelu, .tanh, .squareRoot,
    ]
    private static let arithmetic: [Arithmetic.Function] = [.divide, .power, .subtract, .maximum]

    @Test("Functions that map 0 to another number leave zeros in a block's padding", arguments: [1, 3, 12, 20])
    func partialBlocks(channels: Int) throws {
        for kind in Self.activations {
            try Self.checkPartialBlocks("\(kind), \(channels) channels", channels) {
                let isLinear = kind == .hardSigmoid
                $0.node("m", .activation(Activation(kind, alpha: isLinear ? 0.2 : 0, beta: isLinear ? 0.5 : 0)), "p")
            }
        }
        for kind in Self.arithmetic {
            try Self.checkPartialBlocks("\(kind), \(channels) channels", channels) {
                $0.node("m", .arithmetic(Arithmetic(kind)), "p", "q")
            }
        }
        for kind in [Pooling.Kind.maximum, .average] {
            try Self.checkPartialBlocks("pooling, \(channels) channels", channels) {
                $0.node("m", .pooling(Pooling(kind, window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))), "p")
            }
        }
    }

    /// - Parameter middle: Adds a node `m` that reads `p` and `q`, whose layouts have blocks of channels and whose
    ///   elements are above 0. A convolution that reads whole blocks follows.
    private static func checkPartialBlocks(_ name: String, _ channels: Int, _ middle: (inout Problem) -> Void) throws {
        var problem = Problem(name)
        try problem.input("x", [1, 16, 8, 8])
        for weights in ["w", "u"] { try problem.constant(weights, [channels, 16, 1, 1]) }
        try problem.constant("v", [20, channels, 1, 1])
        try problem.constant("one", [1], in: 1...1)
        for (value, weights) in [("p", "w"), ("q", "u")] {
            problem.node("\(value)0", convolution(1), "x", weights)
            problem.node("\(value)1", .activation(Activation(.absolute)), "\(value)0")
            problem.node(value, .arithmetic(Arithmetic(.add)), "\(value)1", "one")
        }
        middle(&problem)
        problem.node("y", convolution(1), "m", "v")
        problem.outputs = ["y", "p", "q", "m"]
        try problem.check()
    }
}

extension Problem {
    fileprivate mutating func join(_ name: String, _ parts: [String]) {
        nodes.append(Node(name: name, operation: .concat(Concat(axis: 1)), inputs: parts, outputs: [name]))
        outputs = [name]
    }
}
