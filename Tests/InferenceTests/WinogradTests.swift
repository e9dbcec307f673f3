// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import OneDNN
import Tensors
import TestSupport
import Testing

/// Convolutions by Winograd's algorithm: chosen where it is faster, as exact as float32 permits, in bounded memory.
struct WinogradTests {
    private static func convolution(pads: [Int] = [1, 1, 1, 1], stride: Int = 1, dilation: Int = 1, groups: Int = 1)
        -> ModelGraph.Operation
    {
        .convolution(
            Convolution(
                window: Window(
                    kernel: [3, 3], strides: [stride, stride], dilations: [dilation, dilation], pads: pads),
                groups: groups))
    }

    /// One convolution of x `[batch, from, rows, columns]` with a bias.
    private static func one(
        _ from: Int, _ to: Int, _ rows: Int, columns: Int? = nil, batch: Int = 1,
        _ operation: ModelGraph.Operation = convolution(), groups: Int = 1
    ) throws -> Problem {
        var problem = Problem("\(from) to \(to) channels of \(rows)")
        try problem.input("x", [batch, from, rows, columns ?? rows])
        try problem.constant("w", [to, from / groups, 3, 3])
        try problem.constant("b", [to])
        problem.node("c", operation, "x", "w", "b")
        return problem
    }

    /// For each step that uses the algorithm, the side of its tiles.
    private static func tiles(_ plan: Plan) -> [Int] {
        plan.steps.compactMap { step in
            step.implementation.contains("wino_4x3") ? 4 : step.implementation.contains("wino_2x3") ? 2 : nil
        }
    }

    @Test(
        "The Winograd tile size depends on the spatial extent; small extents do not use the algorithm",
        arguments: [
            (28, [4], [4]), (27, [2], [4]), (16, [2], [4]), (14, [2], [2]), (13, [2], [2]), (12, [2], [4]),
            (11, [], [4]), (10, [], [2]), (9, [], []), (7, [], []),
        ])
    func choosesTiles(_ side: Int, _ withAVX512: [Int], _ withAVX2: [Int]) throws {
        let plan = try Self.one(64, 64, side).check()
        #expect(Self.tiles(plan) == Self.expected(withAVX512, withAVX2))
    }

    /// The expected value on this processor: with AVX-512, with AVX2 only, or empty without both, where the algorithm
    /// is not used.
    private static func expected<Result: RangeReplaceableCollection>(
        _ withAVX512: Result, _ withAVX2: Result
    ) -> Result {
        ProcessorSupport.hasAVX512 ? withAVX512 : ProcessorSupport.hasAVX2 ? withAVX2 : Result()
    }

    @Test(
        "Weights are transformed as by oneDNN's reorder",
        .enabled(if: ProcessorSupport.hasAVX512),
        arguments: [
            (64, 64, 28, WinogradTile.four), (128, 32, 28, .four), (32, 128, 56, .four), (256, 128, 28, .four),
            (64, 64, 28, .two), (32, 128, 30, .two), (128, 64, 14, .two), (48, 192, 13, .two), (16, 96, 56, .two),
        ])
    func transformsWeights(_ channels: Int, _ results: Int, _ side: Int, _ tile: WinogradTile) throws {
        let kernels = try TensorLayout([results, channels, 3, 3])
        let primitive = try PrimitiveDescription.convolution(
            source: try .any([1, channels, side, side]), weights: try .any(kernels.dimensions), bias: nil,
            destination: try .any([1, results, side, side]), strides: [1, 1], dilations: [1, 1], padBefore: [1, 1],
            padAfter: [1, 1], post: [], algorithm: .winograd(tile))
        let layout = primitive.layout(of: .weights)
        var noise = Noise(seed: 3)
        let weights = try noise.tensor(kernels.dimensions)
        let count = layout.byteCount / 4
        let found = Tensor(type: TensorType(.float32, try Shape([count]))) { _ in }
        let transform = try #require(WinogradWeights(layout, of: kernels))
        let scratch = Tensor(type: TensorType(.uint8, try Shape([transform.scratchBytes]))) { _ in }
        transform.transform(weights, to: found.storage, byteOffset: found.byteOffset, scratch: scratch.storage)

        let expected = Tensor(type: TensorType(.float32, try Shape([count]))) { _ in }
        let reorder = try PrimitiveDescription.reorder(from: kernels, to: layout)
        let others = Tensor(type: TensorType(.uint8, try Shape([reorder.scratchpad.byteCount]))) { _ in }
        var arguments: [(Argument, TensorMemory)] = []
        for (argument, layout, tensor) in [
            (Argument.source, kernels, weights), (.destination, layout, expected),
            (.scratchpad, reorder.scratchpad, others),
        ] {
            let memory = try TensorMemory(layout)
            try memory.bind(to: tensor.storage, byteOffset: tensor.byteOffset)
            arguments.append((argument, memory))
        }
        try Invocation(reorder, arguments).execute(on: ExecutionStream())
        try expectClose(found, expected, relativeToLargest: 1e-6)
        #expect(WinogradWeights(kernels, of: kernels) == nil)
    }

    @Test("Convolutions that Winograd's algorithm cannot compute or accelerate use the direct algorithm")
    func leavesTheRest() throws {
        var problems = [
            try Self.one(64, 64, 28, Self.convolution(stride: 2)),
            try Self.one(64, 64, 28, Self.convolution(pads: [2, 2, 2, 2], dilation: 2)),
            try Self.one(64, 64, 28, Self.convolution(pads: [2, 2, 2, 2])),
            try Self.one(64, 64, 28, Self.convolution(groups: 2), groups: 2),
        ]
        problems += try Self.expected(
            [Self.one(24, 64, 28), Self.one(64, 40, 28), Self.one(16, 32, 28)],
            [Self.one(20, 64, 28), Self.one(64, 44, 28), Self.one(16, 32, 12)])
        var computed = Problem("weights that are an input")
        try computed.input("x", [1, 64, 28, 28])
        try computed.input("w", [64, 64, 3, 3])
        computed.node("c", Self.convolution(), "x", "w")
        problems.append(computed)
        for problem in problems { #expect(Self.tiles(try problem.check()).isEmpty) }
    }

    @Test(
        "Sizes that tiles do not divide, borders of every width, and several images agree with the reference",
        arguments: [1, 2])
    func agrees(_ threads: Int) throws {
        for (pads, rows, columns, batch) in [
            ([1, 1, 1, 1], 29, 31, 1), ([1, 1, 1, 1], 30, 40, 3), ([0, 0, 0, 0], 31, 33, 1), ([0, 1, 1, 0], 29, 29, 2),
            ([1, 0, 0, 0], 33, 30, 1), ([1, 1, 1, 1], 13, 17, 2), ([0, 0, 0, 0], 15, 16, 1), ([1, 0, 0, 1], 14, 14, 1),
        ] {
            let plan = try Self.one(32, 128, rows, columns: columns, batch: batch, Self.convolution(pads: pads))
                .check(threads: threads)
            guard ProcessorSupport.hasAVX2, rows >= 28 || !ProcessorSupport.hasAVX512 else { continue }
            #expect(!Self.tiles(plan).isEmpty, "\(pads) \(rows) \(columns) \(batch)")
        }
    }

    @Test("Following activations and sums are applied, in the primitive or after it", arguments: [14, 28])
    func appliesWhatFollows(_ side: Int) throws {
        let relu = ModelGraph.Operation.activation(Activation(.relu))
        let leaky = ModelGraph.Operation.activation(Activation(.leakyRelu, alpha: 0.1))
        let expected = ProcessorSupport.hasAVX2 ? 2 : 0
        // With functions before and after the sum, and with an operand that is an output too.
        for (before, after) in [(false, false), (false, true), (true, false), (true, true)] {
            for alsoUsed in [false, true] {
                var problem = try Self.one(64, 64, side)
                try problem.constant("v", [64, 64, 3, 3])
                problem.node("d", Self.convolution(), "c", "v")
                if before { problem.node("f", relu, "d") }
                problem.node("s", .arithmetic(Arithmetic(.add)), before ? "f" : "d", "c")
                if after { problem.node("r", relu, "s") }
                if alsoUsed { problem.outputs.append("c") }
                let plan = try problem.check()
                #expect(Self.tiles(plan).count == expected)
                // Without AVX2, oneDNN 2.6 has no convolution that applies a function before a sum, so steps follow it.
                if before, !ProcessorSupport.hasAVX2 {
                    #expect(plan.kinds.prefix(2) == ["convolution", "convolution"])
                } else {
                    #expect(plan.kinds == ["convolution", "convolution"])
                }
            }
        }
        var sum = try Self.one(64, 64, side)
        try sum.constant("v", [64, 64, 3, 3])
        sum.node("d", Self.convolution(), "c", "v")
        sum.node("s", .arithmetic(Arithmetic(.add)), "d", "c")
        sum.node("l", leaky, "s")
        #expect(Self.tiles(try sum.check()).count == expected)

        // A clip, as of ReLU6, alone and after a sum with a leaky ReLU.
        func clip(_ largest: Float) -> ModelGraph.Operation {
            .activation(Activation(.clip, alpha: 0, beta: largest))
        }
        sum.node("k", clip(100), "l")
        #expect(Self.tiles(try sum.check()).count == expected)
        var clipped = try Self.one(64, 64, side)
        clipped.node("k", clip(10), "c")
        #expect(Self.tiles(try clipped.check()).count == expected / 2)

        for (channels, function, withAVX512, withAVX2) in [
            (64, leaky, 1, 1), (32, leaky, 0, 1), (64, .activation(Activation(.elu)), 1, 1),
            (32, .activation(Activation(.elu)), 0, 0),
        ] {
            var problem = try Self.one(channels, 128, side)
            problem.node("l", function, "c")
            let plan = try problem.check()
            #expect(
                Self.tiles(plan).count
                    == (ProcessorSupport.hasAVX512 ? withAVX512 : ProcessorSupport.hasAVX2 ? withAVX2 : 0))
        }
    }

    @Test("Two convolutions may share one weight tensor")
    func sharesWeights() throws {
        var problem = try Self.one(64, 64, 28)
        problem.node("d", Self.convolution(), "c", "w", "b")
        problem.node("p", .pooling(Pooling(.maximum, window: Window(kernel: [2, 2], strides: [2, 2]))), "d")
        problem.node("e", Self.convolution(), "p", "w", "b")
        #expect(Self.tiles(try problem.check()) == Self.expected([4, 4, 2], [4, 4, 2]))
    }

    @Test("Images of a batch agree with single images to 1e-5, and repeated runs are bit-identical")
    func batches() throws {
        var problem = try Self.one(64, 64, 28)
        for index in 0..<4 {
            // The range of the weights keeps the values of all layers at about the same magnitude.
            try problem.constant("v\(index)", [64, 64, 3, 3], in: -0.06...0.06)
            problem.node("d\(index)", Self.convolution(), index == 0 ? "c" : "r\(index - 1)", "v\(index)")
            problem.node("r\(index)", .activation(Activation(.relu)), "d\(index)")
        }
        let graph = try problem.graph()
        let inference = try BatchedInference(graph, options: PlanOptions(threads: 2))
        var noise = Noise(seed: 7)
        let images = try noise.tensor([7, 64, 28, 28])
        let together = try inference.run([images])[0].floats()
        let plan = try Plan(compiling: graph, options: PlanOptions(threads: 2))
        #expect(Self.tiles(plan).count == (ProcessorSupport.hasAVX2 ? 5 : 0))
        let size = together.count / 7
        for index in 0..<7 {
            let image = try Tensor(Array(images.floats()[index * size..<(index + 1) * size]), shape: [1, 64, 28, 28])
            let alone = try plan.run([image])[0]
            let found = try Tensor(Array(together[index * size..<(index + 1) * size]), shape: [1, 64, 28, 28])
            try expectClose(found, alone, relativeToLargest: 1e-5)
            #expect(try alone.floats() == plan.run([image])[0].floats())
        }
    }

    @Test("In an enclave the memory beyond the direct algorithm's is bounded")
    func boundsMemory() throws {
        guard ProcessorSupport.hasAVX2 else { return }
        var problem = try Self.one(128, 128, 28)
        for index in 0..<8 {
            try problem.constant("v\(index)", [128, 128, 3, 3], in: -0.04...0.04)
            problem.node("d\(index)", Self.convolution(), index == 0 ? "c" : "d\(index - 1)", "v\(index)")
        }
        func plan(_ extraMemory: ExtraMemory) throws -> Plan {
            var options = PlanOptions()
            options.extraMemory = extraMemory
            return try Plan(compiling: try problem.graph(), options: options)
        }
        let (none, enclave, plenty) = (try plan(.none), try plan(.enclave), try plan(.plenty))
        #expect(Self.tiles(none).isEmpty)
        #expect(Self.tiles(plenty).count == 9)
        #expect((1..<9).contains(Self.tiles(enclave).count))
        #expect(enclave.memory.peakBytes - none.memory.peakBytes <= 16 << 20)
        #expect(plenty.memory.peakBytes > enclave.memory.peakBytes)
        let answers = try [none, enclave, plenty].map { try $0.run(problem.given)[0] }
        try expectClose(answers[1], answers[0], relativeToLargest: 1e-5)
        try expectClose(answers[2], answers[0], relativeToLargest: 1e-5)
    }

    @Test(
        "Extra memory of an enclave's plan is at most 16 MiB, or less if the plan would outgrow a first-generation SGX",
        arguments: [
            (0, 0, 16), (30, 10, 16), (69, 0, 16), (69, 8, 8), (80, 5, 0), (85, 8, 0), (93, 0, 0), (92, 4, 24),
            (500, 76, 144),
        ])
    func enclaveMemory(_ weights: Int, _ activations: Int, _ expected: Int) {
        func bytes(_ memory: ExtraMemory) -> Int {
            memory.bytes(weights: weights << 20, activations: activations << 20, limit: 8 << 30)
        }
        #expect(bytes(.enclave) == expected << 20)
        #expect(bytes(.none) == 0)
        #expect(bytes(.plenty) == 1 << 30)
    }
}
