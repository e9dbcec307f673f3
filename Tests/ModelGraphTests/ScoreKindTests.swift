// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ReferenceInference
import Tensors
import Testing

@Suite("Interpretation of output scores")
struct ScoreKindTests {
    /// A graph that is written down as operators and names. Its input `x` is `[1, 4]`, and `p` is the softmax of it.
    struct Tail: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [(Operation, [String], String)]
        let constants: [String: ([Float], [Int])]

        init(
            _ description: String, _ constants: [String: ([Float], [Int])] = [:],
            _ steps: (Operation, [String], String)...
        ) {
            testDescription = description
            self.steps = steps
            self.constants = constants
        }

        func graph() throws -> Graph {
            let all = [(Operation.softmax(Softmax(axis: 1)), ["x"], "p")] + steps
            var tensors: [String: Tensor] = [:]
            for (name, (values, shape)) in constants { tensors[name] = try Tensor(values, shape: shape) }
            tensors["zero"] = try Tensor([UInt8(0)], shape: [])
            return try Graph(
                name: "g", inputs: [Value(name: "x", type: TensorType(.float32, try Shape([1, 4])))],
                outputs: [all[all.count - 1].2],
                nodes: all.map { Node(name: "n_\($0.2)", operation: $0.0, inputs: $0.1, outputs: [$0.2]) },
                constants: tensors)
        }
    }

    private static func function(
        _ function: Activation.Function, alpha: Float = 0, beta: Float = 0
    ) -> Operation { .activation(Activation(function, alpha: alpha, beta: beta)) }

    private static func of(_ function: Arithmetic.Function) -> Operation { .arithmetic(Arithmetic(function)) }

    private static func sum(keeps: Bool = true) -> Operation {
        .reduction(Reduction(.sum, axes: [1], keepsDimensions: keeps))
    }

    private static func part(_ range: Range<Int>) -> Operation {
        .slice(Slice(starts: [range.lowerBound], ends: [range.upperBound], axes: [1], steps: [1]))
    }

    private static func number(_ value: Float) -> [String: ([Float], [Int])] { ["c": ([value], [])] }

    private static let limit = Float.greatestFiniteMagnitude

    static let probabilities = [
        Tail("softmax"),
        Tail("sigmoid", [:], (function(.sigmoid), ["x"], "y")),
        Tail("hard sigmoid", [:], (function(.hardSigmoid, alpha: 0.2, beta: 0.5), ["x"], "y")),
        Tail("clip to 0...1", [:], (function(.clip, alpha: 0, beta: 1), ["x"], "y")),
        Tail("softmax, clip as Keras has it", [:], (function(.clip, alpha: 1e-7, beta: 1 - 1e-7), ["p"], "y")),
        Tail("softmax, slice", [:], (part(1..<4), ["p"], "y")),
        Tail(
            "softmax, gather as slices", [:], (part(3..<4), ["p"], "a"), (part(0..<1), ["p"], "b"),
            (.concat(Concat(axis: 1)), ["a", "b"], "y")),
        Tail(
            "softmax, views", [:], (.reshape(Reshape([1, 2, 2])), ["p"], "a"),
            (.transpose(Transpose([0, 2, 1])), ["a"], "b"), (.flatten(Flatten()), ["b"], "c"),
            (.unsqueeze(Unsqueeze(axes: [2])), ["c"], "d"), (.squeeze(Squeeze(axes: [2])), ["d"], "e"),
            (.identity(Identity()), ["e"], "y")),
        Tail("softmax times 1", number(1), (of(.multiply), ["p", "c"], "y")),
        Tail("softmax plus epsilon", number(1e-7), (of(.add), ["p", "c"], "y")),
        Tail("complement", number(1), (of(.subtract), ["c", "p"], "y")),
        Tail(
            "percent", number(0.01), (function(.clip, alpha: 0, beta: 100), ["x"], "a"),
            (of(.multiply), ["a", "c"], "y")),
        Tail(
            "mean of two softmaxes", number(2), (.softmax(Softmax(axis: 1)), ["p"], "q"), (of(.add), ["p", "q"], "a"),
            (of(.divide), ["a", "c"], "y")),
        Tail(
            "mean of three softmaxes, a third in float32", number(1 / 3), (.softmax(Softmax(axis: 1)), ["p"], "q"),
            (of(.add), ["p", "q"], "a"), (of(.add), ["a", "p"], "b"), (of(.multiply), ["b", "c"], "y")),
        Tail(
            "weighted mean", ["v": ([0.3], []), "w": ([0.7], [])], (function(.sigmoid), ["x"], "q"),
            (of(.multiply), ["p", "v"], "a"), (of(.multiply), ["q", "w"], "b"), (of(.add), ["a", "b"], "y")),
        Tail(
            "mean over stacked softmaxes", [:], (.unsqueeze(Unsqueeze(axes: [1])), ["p"], "a"),
            (.concat(Concat(axis: 1)), ["a", "a"], "b"),
            (.reduceMean(ReduceMean(axes: [1], keepsDimensions: false)), ["b"], "y")),
        Tail("largest of two", [:], (function(.sigmoid), ["x"], "q"), (of(.maximum), ["p", "q"], "y")),
        Tail("square", [:], (of(.multiply), ["p", "p"], "y")),
        Tail("square root", [:], (function(.squareRoot), ["p"], "y")),
        Tail("power", number(1.5), (of(.power), ["p", "c"], "y")),
        Tail("rectified softmax", [:], (function(.relu), ["p"], "y")),
        Tail(
            "groups of classes by sums", [:], (part(0..<3), ["p"], "a"), (sum(), ["a"], "b"), (part(3..<4), ["p"], "d"),
            (.concat(Concat(axis: 1)), ["b", "d"], "y")),
        Tail(
            "groups of classes by a matrix", ["m": ([1, 0, 1, 0, 0, 1, 0, 1], [4, 2])],
            (.matMul(MatMul()), ["p", "m"], "y")),
        Tail(
            "groups of classes by Gemm", ["m": ([1, 0, 1, 0, 0, 1, 0, 1], [4, 2])],
            (.gemm(Gemm()), ["p", "m"], "y")),
        Tail(
            "decomposed softmax", [:],
            (.reduction(Reduction(.maximum, axes: [1], keepsDimensions: true)), ["x"], "m"),
            (of(.subtract), ["x", "m"], "s"), (function(.exponential), ["s"], "e"), (sum(), ["e"], "t"),
            (of(.divide), ["e", "t"], "y")),
        Tail(
            "decomposed softmax without a kept axis", [:], (function(.exponential), ["x"], "e"),
            (sum(keeps: false), ["e"], "t"), (.unsqueeze(Unsqueeze(axes: [1])), ["t"], "u"),
            (of(.divide), ["e", "u"], "y")),
        Tail(
            "decomposed softmax with an epsilon", number(1e-9), (function(.exponential), ["x"], "e"),
            (sum(), ["e"], "t"), (of(.add), ["t", "c"], "u"), (of(.divide), ["e", "u"], "y")),
        Tail(
            "decomposed softmax with a least sum", [:], (function(.exponential), ["x"], "e"), (sum(), ["e"], "t"),
            (function(.clip, alpha: 1e-12, beta: limit), ["t"], "u"), (of(.divide), ["e", "u"], "y")),
        Tail(
            "decomposed softmax by a reciprocal", number(1), (function(.exponential), ["x"], "e"),
            (sum(), ["e"], "t"), (of(.divide), ["c", "t"], "r"), (of(.multiply), ["e", "r"], "y")),
        Tail(
            "exponential of a log-softmax", [:], (function(.exponential), ["x"], "e"), (sum(), ["e"], "t"),
            (function(.logarithm), ["t"], "l"), (of(.subtract), ["x", "l"], "s"), (function(.exponential), ["s"], "y")),
        Tail(
            "normalised sigmoids", [:], (function(.sigmoid), ["x"], "q"), (function(.absolute), ["q"], "a"),
            (sum(), ["a"], "t"), (of(.divide), ["q", "t"], "y")),
        Tail(
            "decomposed sigmoid", ["c": ([1], []), "n": ([-1], [])], (of(.multiply), ["x", "n"], "a"),
            (function(.exponential), ["a"], "e"), (of(.add), ["e", "c"], "d"), (of(.divide), ["c", "d"], "y")),
        Tail(
            "odds", number(1), (function(.exponential), ["x"], "e"), (of(.add), ["c", "e"], "d"),
            (of(.divide), ["e", "d"], "y")),
        Tail(
            "half of tanh plus 1", number(0.5), (function(.tanh), ["x"], "a"), (of(.multiply), ["a", "c"], "b"),
            (of(.add), ["b", "c"], "y")),
        Tail(
            "8-bit softmax", ["s": ([1.0 / 255], [])],
            (.quantizeLinear(QuantizeLinear(axis: 0)), ["p", "s", "zero"], "q"),
            (.dequantizeLinear(DequantizeLinear(axis: 0)), ["q", "s", "zero"], "y")),
        Tail("comparison", number(0.5), (of(.greater), ["p", "c"], "y")),
        Tail(
            "probabilities above a threshold", number(0.1), (of(.greater), ["p", "c"], "m"),
            (of(.keep), ["p", "m"], "y")),
        Tail("padded softmax", [:], (.pad(Pad(.constant, pads: [0, 0, 0, 1])), ["p"], "y")),
        Tail(
            "mean over pixels", [:], (.reshape(Reshape([1, 2, 2, 1])), ["p"], "a"),
            (.globalPooling(GlobalPooling(.average)), ["a"], "y")),
    ]

    static let logits = [
        Tail("input", [:], (.identity(Identity()), ["x"], "y")),
        Tail("softmax plus 1", number(1), (of(.add), ["p", "c"], "y")),
        Tail("softmax minus a constant", number(0.1), (of(.subtract), ["p", "c"], "y")),
        Tail("softmax times 2", number(2), (of(.multiply), ["p", "c"], "y")),
        Tail("softmax times a value", [:], (of(.multiply), ["p", "x"], "y")),
        Tail("softmax times a value that is not finite", number(.infinity), (of(.multiply), ["p", "c"], "y")),
        Tail("softmax in percent", number(100), (of(.multiply), ["p", "c"], "y")),
        Tail("sum of two softmaxes", [:], (.softmax(Softmax(axis: 1)), ["p"], "q"), (of(.add), ["p", "q"], "y")),
        Tail("softmax plus a value", [:], (of(.add), ["p", "x"], "y")),
        Tail(
            "log-softmax", [:], (function(.exponential), ["x"], "e"), (sum(), ["e"], "t"),
            (function(.logarithm), ["t"], "l"), (of(.subtract), ["x", "l"], "y")),
        Tail("logarithm of the softmax", [:], (function(.logarithm), ["p"], "y")),
        Tail("exponential", [:], (function(.exponential), ["x"], "y")),
        Tail("exponential of a softmax", [:], (function(.exponential), ["p"], "y")),
        Tail("clip to 0...6", [:], (function(.clip, alpha: 0, beta: 6), ["x"], "y")),
        Tail("clip with NaN", [:], (function(.clip, alpha: .nan, beta: .nan), ["x"], "y")),
        Tail("rectified", [:], (function(.relu), ["x"], "y")),
        Tail("tanh", [:], (function(.tanh), ["x"], "y")),
        Tail(
            "weights that add up to more", ["m": ([1, 2, 1, 0, 0, 1, 0, 1], [4, 2])],
            (.matMul(MatMul()), ["p", "m"], "y")),
        Tail(
            "addend of Gemm", ["m": ([1, 0, 1, 0, 0, 1, 0, 1], [4, 2]), "b": ([0.5, 0], [2])],
            (.gemm(Gemm()), ["p", "m", "b"], "y")),
        Tail("sum of sigmoids", [:], (function(.sigmoid), ["x"], "q"), (sum(), ["q"], "y")),
        Tail(
            "divided by the sum of something else", [:], (function(.exponential), ["x"], "e"), (sum(), ["p"], "t"),
            (of(.divide), ["e", "t"], "y")),
        Tail(
            "divided by a part of the sum", [:], (function(.exponential), ["x"], "e"), (part(0..<2), ["e"], "a"),
            (sum(), ["a"], "t"), (of(.divide), ["e", "t"], "y")),
        Tail(
            "divided by a sum less something", number(0.5), (function(.exponential), ["x"], "e"), (sum(), ["e"], "t"),
            (of(.subtract), ["t", "c"], "u"), (of(.divide), ["e", "u"], "y")),
        Tail("values of any sign divided by their sum", [:], (sum(), ["x"], "t"), (of(.divide), ["x", "t"], "y")),
        Tail(
            "two times the reciprocal", number(2), (function(.exponential), ["x"], "e"), (sum(), ["e"], "t"),
            (of(.divide), ["c", "t"], "r"), (of(.multiply), ["e", "r"], "y")),
        // Rows and columns are as long, so that broadcasting puts each sum beside another row.
        Tail(
            "divided by the sums of other rows", [:], (.reshape(Reshape([2, 2])), ["x"], "r"),
            (function(.exponential), ["r"], "e"), (sum(keeps: false), ["e"], "t"), (of(.divide), ["e", "t"], "y")),
        Tail(
            "8-bit scores", ["s": ([1.0 / 255], [])],
            (.quantizeLinear(QuantizeLinear(axis: 0)), ["x", "s", "zero"], "q"),
            (.dequantizeLinear(DequantizeLinear(axis: 0)), ["q", "s", "zero"], "y")),
        Tail("softmax padded with 2", [:], (.pad(Pad(.constant, pads: [0, 0, 0, 1], value: 2)), ["p"], "y")),
        Tail(
            "normalised", ["w": ([1, 1, 1, 1], [4])],
            (.layerNormalization(LayerNormalization(axis: -1, epsilon: 1e-5)), ["p", "w"], "y")),
        Tail("scores beside probabilities", [:], (.concat(Concat(axis: 1)), ["p", "x"], "y")),
    ]

    private static let inputs: [[Float]] = [
        [0, 0, 0, 0], [80, 1, -80, 0.5], [-3, -2, -1, -4], [1e-3, 5, 4.9, -1], [-20, 20, -20, 20],
    ]

    @Test(
        "Scores that the last layers bound as probabilities are probabilities, and the values confirm it",
        arguments: probabilities)
    func probable(_ tail: Tail) throws {
        let graph = try tail.graph()
        #expect(graph.scoreKind == .probabilities)
        for input in Self.inputs {
            let values = try ReferenceExecutor(graph).run([Tensor(input, shape: [1, 4])])[0].floats()
            #expect(values.allSatisfy { $0 > -1e-3 && $0 < 1.001 }, "\(input): \(values)")
        }
    }

    @Test("Scores not shown to be between 0 and 1 are logits", arguments: logits)
    func otherwise(_ tail: Tail) throws {
        #expect(try tail.graph().scoreKind == .logits)
    }

    @Test("A graph with several outputs has no kind of scores")
    func severalOutputs() throws {
        let graph = try residualGraph()
        #expect(graph.scoreKind == .probabilities)
        #expect(try graph.exposing(["logits"]).scoreKind == .logits)
        #expect(try graph.exposing(["prob", "logits"]).scoreKind == .logits)
    }

    @Test("A stated kind adds a clip or a softmax over all elements to the graph, unless it is already known")
    func stated() throws {
        let graph = try residualGraph()
        #expect(try graph.reading(.probabilities).nodes.count == graph.nodes.count)
        let logits = try graph.exposing(["logits"])
        #expect(try logits.reading(.logits).nodes.count == logits.nodes.count)
        let clipped = try logits.reading(.probabilities)
        #expect(clipped.scoreKind == .probabilities)
        #expect(clipped.nodes.last?.operation == .activation(Activation(.clip, alpha: 0, beta: 1)))
        // Softmax of four probabilities in a shape of several axes: e^0.25 / (4 e^0.25).
        let square = try Tail("", [:], (.reshape(Reshape([1, 2, 2])), ["p"], "y")).graph()
        let twice = try square.reading(.logits)
        let values = try ReferenceExecutor(twice).run([Tensor([1, 1, 1, 1] as [Float], shape: [1, 4])])[0].floats()
        #expect(values.count == 4 && values.allSatisfy { abs($0 - 0.25) < 1e-6 })
        let uneven = try ReferenceExecutor(twice).run([Tensor([50, 0, 0, 0] as [Float], shape: [1, 4])])[0].floats()
        // e / (e + 3)
        #expect(abs(uneven[0] - 0.475_367) < 1e-5)
        #expect(throws: GraphError.self) { try graph.exposing(["prob", "logits"]).reading(.probabilities) }
        // Batches stay apart.
        let batch = try graph.withBatch(2).reading(.logits)
        #expect(batch.nodes.last?.operation == .softmax(Softmax(axis: 1)))
    }

    @Test("A numerator is searched for through a few nodes only")
    func limits() throws {
        var nodes = [Node(name: "e", operation: Self.function(.exponential), inputs: ["x"], outputs: ["t0"])]
        nodes.append(Node(name: "s", operation: Self.sum(), inputs: ["t0"], outputs: ["t1"]))
        for index in 1..<40 {
            nodes.append(
                Node(
                    name: "a\(index)", operation: Self.of(.add), inputs: ["t\(index)", "t\(index)"],
                    outputs: ["t\(index + 1)"]))
        }
        nodes.append(Node(name: "d", operation: Self.of(.divide), inputs: ["t0", "t40"], outputs: ["y"]))
        let graph = try Graph(
            name: "g", inputs: [Value(name: "x", type: TensorType(.float32, try Shape([1, 4])))], outputs: ["y"],
            nodes: nodes, constants: [:])
        #expect(graph.scoreKind == .logits)
    }
}
