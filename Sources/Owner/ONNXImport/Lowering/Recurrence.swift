// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// LSTM, GRU and RNN: the steps of a sequence, whose length is known, are written out.

/// A recurrent layer: its dimensions and weights.
private struct RecurrentLayer {
    /// The layer's input is `[steps, batch, inputs]`, or `[batch, steps, inputs]`.
    let isBatchFirst: Bool
    let steps, batch, inputs, hidden: Int
    /// The directions in which the steps are taken, one for each set of weights.
    let reversals: [Bool]
    let gates: Int
    /// `[directions, gates * hidden, inputs]` and `[directions, gates * hidden, hidden]`.
    let weights, recurrent: Tensor
    /// `[directions, 2 * gates * hidden]`: those of the input's products, then those of the state's.
    let biases: Tensor?
}

extension ImportedNode {
    /// A longer sequence has more nodes than a graph may have, in a network of a few layers.
    private static let maximumSteps = 1 << 10

    /// Outputs: the states of all steps `[steps, directions, batch, hidden]`, the last state and the last cell
    /// `[directions, batch, hidden]`; with the batch first, it comes before the directions.
    mutating func longShortTermMemory() throws(ONNXImportError) -> Lowered {
        let coupled = try flag("input_forget")
        try require(!coupled, .unsupported, "coupled gates (input_forget)")
        try require(operand(7) == nil, .unsupported, "peepholes")
        let layer = try recurrentLayer(gates: 4, functions: ["Sigmoid", "Tanh", "Tanh"])
        let h = layer.hidden
        return try writtenOut(layer, remembering: 2) { (node, expansion, direction) throws(ONNXImportError) in
            // A step of its own, so that all steps of the sequence share one constant.
            let turned = expansion.add(
                .identity(Identity()), try node.transposed(layer.recurrent, direction, rows: 0..<4 * h))
            return { (expansion, gates, memory) in
                var sum = gates
                if let state = memory[0] {
                    sum = expansion.add(.add, sum, expansion.add(.matMul(MatMul()), state, turned))
                }
                // The gates' order is input, output, forget, cell.
                let opened = expansion.add(.sigmoid, expansion.part(sum, axis: 2, 0..<3 * h))
                let candidate = expansion.add(.tanh, expansion.part(sum, axis: 2, 3 * h..<4 * h))
                var next = expansion.add(.multiply, expansion.part(opened, axis: 2, 0..<h), candidate)
                if let cell = memory[1] {
                    next = expansion.add(
                        .add, expansion.add(.multiply, expansion.part(opened, axis: 2, 2 * h..<3 * h), cell), next)
                }
                let state = expansion.add(
                    .multiply, expansion.part(opened, axis: 2, h..<2 * h), expansion.add(.tanh, next))
                return [state, next]
            }
        }
    }

    /// Outputs: the states of all steps and the last state, as of an LSTM.
    mutating func gatedRecurrentUnit() throws(ONNXImportError) -> Lowered {
        let resetsProduct = try flag("linear_before_reset")
        let layer = try recurrentLayer(gates: 3, functions: ["Sigmoid", "Tanh"])
        let h = layer.hidden
        return try writtenOut(
            layer, remembering: 1, addsLastBias: !resetsProduct
        ) { (node, expansion, direction) throws(ONNXImportError) in
            // The gates' order is update, reset, hidden.
            let both = expansion.add(
                .identity(Identity()), try node.transposed(layer.recurrent, direction, rows: 0..<2 * h))
            let turned = expansion.add(
                .identity(Identity()), try node.transposed(layer.recurrent, direction, rows: 2 * h..<3 * h))
            let bias = try resetsProduct ? layer.recurrentBias(direction, 2 * h..<3 * h) : nil
            return { (expansion, gates, memory) in
                let state = memory[0]
                var sum = expansion.part(gates, axis: 2, 0..<2 * h)
                if let state { sum = expansion.add(.add, sum, expansion.add(.matMul(MatMul()), state, both)) }
                let opened = expansion.add(.sigmoid, sum)
                let reset = expansion.part(opened, axis: 2, h..<2 * h)
                var candidate = expansion.part(gates, axis: 2, 2 * h..<3 * h)
                var addend: Expansion.Source?
                if let state, resetsProduct {
                    var product = expansion.add(.matMul(MatMul()), state, turned)
                    if let bias { product = expansion.add(.add, product, bias) }
                    addend = expansion.add(.multiply, reset, product)
                } else if let state {
                    addend = expansion.add(.matMul(MatMul()), expansion.add(.multiply, reset, state), turned)
                } else if let bias {
                    addend = expansion.add(.multiply, reset, bias)
                }
                if let addend { candidate = expansion.add(.add, candidate, addend) }
                candidate = expansion.add(.tanh, candidate)
                // (1 - update) * candidate + update * state
                let update = expansion.part(opened, axis: 2, 0..<h)
                let kept = expansion.add(.multiply, update, candidate)
                let new = expansion.add(.subtract, candidate, kept)
                guard let state else { return [new] }
                return [expansion.add(.add, new, expansion.add(.multiply, update, state))]
            }
        }
    }

    /// One function of the sums of input and state, the same in both directions. Outputs: as of a GRU.
    mutating func plainRecurrentUnit() throws(ONNXImportError) -> Lowered {
        let name = try texts("activations", keeps: true)?.first ?? "Tanh"
        let functions: [String: Activation.Function] = ["Relu": .relu, "Sigmoid": .sigmoid, "Tanh": .tanh]
        guard let function = functions[name] else {
            throw failure(.unsupported, "activation '\(name.prefix(40))', expected \(functions.keys.sorted())")
        }
        let layer = try recurrentLayer(gates: 1, functions: [name])
        return try writtenOut(layer, remembering: 1) { (node, expansion, direction) throws(ONNXImportError) in
            let turned = expansion.add(
                .identity(Identity()), try node.transposed(layer.recurrent, direction, rows: 0..<layer.hidden))
            return { (expansion, sum, memory) in
                guard let state = memory[0] else { return [expansion.add(function, sum)] }
                let product = expansion.add(.matMul(MatMul()), state, turned)
                return [expansion.add(function, expansion.add(.add, sum, product))]
            }
        }
    }

    /// Emits one step: of the input's share of the gates `[1, batch, gates * hidden]`, and the memory before it, `nil`
    /// where that is zero. Returns the memory after it; its first element is the state.
    private typealias Step = (inout Expansion, Expansion.Source, [Expansion.Source?]) -> [Expansion.Source]

    /// - Parameters:
    ///   - remembering: How many tensors `[1, batch, hidden]` a step passes to the next.
    ///   - addsLastBias: Whether the last gate's second bias is added where the first is.
    ///   - prepared: Emits what all steps of a direction share.
    private mutating func writtenOut(
        _ layer: RecurrentLayer, remembering: Int, addsLastBias: Bool = true,
        _ prepared: (inout ImportedNode, inout Expansion, _ direction: Int) throws(ONNXImportError) -> Step
    ) throws(ONNXImportError) -> Lowered {
        var expansion = Expansion()
        let x =
            layer.isBatchFirst
            ? expansion.add(.transpose(Transpose([1, 0, 2])), try source(0)) : try source(0)
        var all: [Expansion.Source] = []
        var last = [[Expansion.Source]](repeating: [], count: remembering)
        for (direction, isReversed) in layer.reversals.enumerated() {
            let gates = try gates(&expansion, x, direction, layer, addsLastBias: addsLastBias)
            var memory: [Expansion.Source?] = []
            for index in 0..<remembering { memory.append(try initial(5 + index, direction, &expansion, layer)) }
            let step = try prepared(&self, &expansion, direction)
            var states = [Expansion.Source](repeating: x, count: layer.steps)
            for position in isReversed ? Array((0..<layer.steps).reversed()) : Array(0..<layer.steps) {
                let new = step(&expansion, expansion.part(gates, axis: 0, position..<position + 1), memory)
                memory = new
                states[position] = new[0]
            }
            all.append(
                expansion.add(
                    .unsqueeze(Unsqueeze(axes: [1])),
                    states.count == 1 ? states[0] : expansion.add(.concat(Concat(axis: 0)), states)))
            for index in last.indices { last[index].append(memory[index] ?? x) }
        }
        func joined(_ parts: [Expansion.Source], axis: Int) -> Expansion.Source {
            parts.count == 1 ? parts[0] : expansion.add(.concat(Concat(axis: axis)), parts)
        }
        var outputs = [joined(all, axis: 1)]
        for parts in last.prefix(max(0, neededOutputs - 1)) { outputs.append(joined(parts, axis: 0)) }
        if layer.isBatchFirst {
            outputs[0] = expansion.add(.transpose(Transpose([2, 0, 1, 3])), outputs[0])
            for index in outputs.indices.dropFirst() {
                outputs[index] = expansion.add(.transpose(Transpose([1, 0, 2])), outputs[index])
            }
        }
        expansion.outputs = outputs
        return .expansion(expansion)
    }

    /// - Parameter functions: The activation functions of a direction that are supported, which are the default.
    private mutating func recurrentLayer(
        gates: Int, functions: [String]
    ) throws(ONNXImportError) -> RecurrentLayer {
        let isBatchFirst = opset >= 14 ? try flag("layout") : false
        let shape = try shape(0)
        try require(shape.rank == 3, "input \(shape) is no sequence")
        let reversals: [Bool]
        switch try text("direction") ?? "forward" {
        case "forward": reversals = [false]
        case "reverse": reversals = [true]
        case "bidirectional": reversals = [false, true]
        case let other: throw failure(.malformed, "attribute 'direction' is '\(other.prefix(40))'")
        }
        let names = try texts("activations") ?? []
        try require(
            names.isEmpty || names == reversals.flatMap { _ in functions }, .unsupported,
            "activations \(names.prefix(6)), expected \(functions)")
        ignore("activation_alpha")
        ignore("activation_beta")
        let clip = try float("clip")
        try require(clip == nil, .unsupported, "clipped gates (clip)")
        let (steps, batch) = isBatchFirst ? (shape[1], shape[0]) : (shape[0], shape[1])
        let (weights, recurrent) = (try known(1, "weights"), try known(2, "recurrent weights"))
        let biases = try constant(3, "biases")
        try require(recurrent.shape.rank == 3, "recurrent weights \(recurrent.shape)")
        let hidden = try integer("hidden_size") ?? recurrent.shape[2]
        try require(
            hidden == recurrent.shape[2] && hidden > 0 && batch > 0 && shape[2] > 0, "\(shape), \(hidden) states")
        guard (1...Self.maximumSteps).contains(steps) else {
            throw failure(.tooLarge, "\(steps) steps of a sequence, expected 1 to \(Self.maximumSteps)")
        }
        let lengths = try constantIntegers(4, "lengths of sequences")
        try require(lengths?.allSatisfy { $0 == steps } ?? true, .unsupported, "sequences of other lengths")
        let (directions, rows) = (reversals.count, gates * hidden)
        try require(
            weights.isFloat && recurrent.isFloat && biases?.isFloat ?? true
                && weights.shape.dimensions == [directions, rows, shape[2]]
                && recurrent.shape.dimensions == [directions, rows, hidden]
                && biases?.shape.dimensions ?? [directions, 2 * rows] == [directions, 2 * rows],
            "weights \(weights.shape) and \(recurrent.shape) do not fit \(directions) directions of \(hidden)")
        return RecurrentLayer(
            isBatchFirst: isBatchFirst, steps: steps, batch: batch, inputs: shape[2], hidden: hidden,
            reversals: reversals, gates: gates, weights: weights, recurrent: recurrent, biases: biases)
    }

    /// What the input contributes to the gates of all steps: `[steps, batch, gates * hidden]`.
    private mutating func gates(
        _ steps: inout Expansion, _ x: Expansion.Source, _ direction: Int, _ layer: RecurrentLayer, addsLastBias: Bool
    ) throws(ONNXImportError) -> Expansion.Source {
        let count = layer.gates * layer.hidden
        let product = steps.add(
            .matMul(MatMul()), x, try transposed(layer.weights, direction, rows: 0..<count))
        guard let biases = layer.biases else { return product }
        let added = addsLastBias ? count : count - layer.hidden
        let sums = biases.withElements(as: Float.self) { values in
            (0..<count).map { index in
                let first = direction * 2 * count + index
                return index < added ? values[first] + values[first + count] : values[first]
            }
        }
        return steps.add(
            .add, product,
            .constant(try ConstantFolder.checked { () throws(TensorError) in try Tensor(sums, shape: [count]) }))
    }

    /// Rows of the matrix of a direction, transposed, without the axis of directions.
    private mutating func transposed(
        _ tensor: Tensor, _ direction: Int, rows: Range<Int>
    ) throws(ONNXImportError) -> Expansion.Source {
        let columns = tensor.shape[2]
        return .constant(
            try ConstantFolder.rearrange(
                tensor, to: TensorType(.float32, try ConstantFolder.shape([columns, rows.count])),
                from: (direction * tensor.shape[1] + rows.lowerBound) * columns, strides: [1, columns],
                budget: &budget))
    }

    /// The first state or cell of a direction, `[1, batch, hidden]`; `nil` if it is zero.
    private func initial(
        _ index: Int, _ direction: Int, _ steps: inout Expansion, _ layer: RecurrentLayer
    ) throws(ONNXImportError) -> Expansion.Source? {
        guard let operand = operand(index) else { return nil }
        let (directions, batch) = (layer.reversals.count, layer.batch)
        let expected =
            layer.isBatchFirst ? [batch, directions, layer.hidden] : [directions, batch, layer.hidden]
        let given = try shape(index)
        try require(given.dimensions == expected, "first states are \(given)")
        if let tensor = operand.constant?.tensor, tensor.withBytes({ $0.allSatisfy { $0 == 0 } }) { return nil }
        let states =
            layer.isBatchFirst
            ? steps.add(.transpose(Transpose([1, 0, 2])), try source(index)) : try source(index)
        return steps.part(states, axis: 0, direction..<direction + 1)
    }
}

extension RecurrentLayer {
    /// Biases of the state's products; `nil` if there are none.
    fileprivate func recurrentBias(
        _ direction: Int, _ range: Range<Int>
    ) throws(ONNXImportError) -> Expansion.Source? {
        guard let biases else { return nil }
        let first = (2 * direction + 1) * gates * hidden
        let values = biases.withElements(as: Float.self) { values in range.map { values[first + $0] } }
        return .constant(
            try ConstantFolder.checked { () throws(TensorError) in try Tensor(values, shape: [range.count]) })
    }
}

extension Expansion {
    /// Elements of an axis.
    fileprivate mutating func part(_ source: Source, axis: Int, _ range: Range<Int>) -> Source {
        add(
            .slice(Slice(starts: [range.lowerBound], ends: [range.upperBound], axes: [axis], steps: [1])), source)
    }
}
