// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// LSTM: the steps of a sequence, whose length is known, are written out.

/// The dimensions of a recurrent layer.
private struct RecurrentLayer {
    /// The layer's input is `[steps, batch, inputs]`, or `[batch, steps, inputs]`.
    let isBatchFirst: Bool
    let steps, batch, inputs, hidden: Int
    /// The directions in which the steps are taken, one for each set of weights.
    let reversals: [Bool]
}

extension ImportedNode {
    /// A longer sequence has more nodes than a graph may have, in a network of a few layers.
    private static let maximumSteps = 1 << 10

    /// Outputs: the states of all steps `[steps, directions, batch, hidden]`, the last state and the last cell
    /// `[directions, batch, hidden]`; with the batch first, it comes before the directions.
    mutating func longShortTermMemory() throws(ONNXImportError) -> Lowered {
        let layer = try recurrentLayer()
        let coupled = try flag("input_forget")
        try require(!coupled, .unsupported, "coupled gates (input_forget)")
        let names = try texts("activations") ?? []
        let usual = ["Sigmoid", "Tanh", "Tanh"]
        try require(
            names.isEmpty || names == layer.reversals.flatMap { _ in usual }, .unsupported,
            "activations \(names.prefix(6)), expected \(usual)")
        ignore("activation_alpha")
        ignore("activation_beta")
        let clip = try float("clip")
        try require(clip == nil, .unsupported, "clipped gates (clip)")
        try require(operand(7) == nil, .unsupported, "peepholes")
        let (weights, recurrent) = (try known(1, "weights"), try known(2, "recurrent weights"))
        let biases = try constant(3, "biases")
        let (h, directions) = (layer.hidden, layer.reversals.count)
        try require(
            weights.isFloat && recurrent.isFloat && biases?.isFloat ?? true
                && weights.shape.dimensions == [directions, 4 * h, layer.inputs]
                && recurrent.shape.dimensions == [directions, 4 * h, h]
                && biases?.shape.dimensions ?? [directions, 8 * h] == [directions, 8 * h],
            "weights \(weights.shape) and \(recurrent.shape) do not fit \(directions) directions of \(h)")
        var expansion = Expansion()
        let x =
            layer.isBatchFirst
            ? expansion.add(.transpose(Transpose([1, 0, 2])), try source(0)) : try source(0)
        var (all, lastStates, lastCells): ([Expansion.Source], [Expansion.Source], [Expansion.Source]) = ([], [], [])
        for (direction, isReversed) in layer.reversals.enumerated() {
            let gates = try gates(&expansion, x, weights, biases, direction, layer)
            var state = try initial(5, direction, &expansion, layer)
            var cell = try initial(6, direction, &expansion, layer)
            // A step of its own, so that all steps of the sequence share one constant.
            let turned = expansion.add(.identity(Identity()), try transposed(recurrent, direction))
            var states = [Expansion.Source](repeating: x, count: layer.steps)
            for step in isReversed ? Array((0..<layer.steps).reversed()) : Array(0..<layer.steps) {
                var sum = expansion.part(gates, axis: 0, step..<step + 1)
                if let state { sum = expansion.add(.add, sum, expansion.add(.matMul(MatMul()), state, turned)) }
                // The gates' order is input, output, forget, cell.
                let opened = expansion.add(.sigmoid, expansion.part(sum, axis: 2, 0..<3 * h))
                let candidate = expansion.add(.tanh, expansion.part(sum, axis: 2, 3 * h..<4 * h))
                var next = expansion.add(.multiply, expansion.part(opened, axis: 2, 0..<h), candidate)
                if let cell {
                    next = expansion.add(
                        .add, expansion.add(.multiply, expansion.part(opened, axis: 2, 2 * h..<3 * h), cell), next)
                }
                let new = expansion.add(
                    .multiply, expansion.part(opened, axis: 2, h..<2 * h), expansion.add(.tanh, next))
                (cell, state, states[step]) = (next, new, new)
            }
            all.append(
                expansion.add(
                    .unsqueeze(Unsqueeze(axes: [1])),
                    states.count == 1 ? states[0] : expansion.add(.concat(Concat(axis: 0)), states)))
            lastStates.append(state ?? x)
            lastCells.append(cell ?? x)
        }
        func joined(_ parts: [Expansion.Source], axis: Int) -> Expansion.Source {
            parts.count == 1 ? parts[0] : expansion.add(.concat(Concat(axis: axis)), parts)
        }
        var outputs = [joined(all, axis: 1)]
        if neededOutputs > 1 { outputs.append(joined(lastStates, axis: 0)) }
        if neededOutputs > 2 { outputs.append(joined(lastCells, axis: 0)) }
        if layer.isBatchFirst {
            outputs[0] = expansion.add(.transpose(Transpose([2, 0, 1, 3])), outputs[0])
            for index in outputs.indices.dropFirst() {
                outputs[index] = expansion.add(.transpose(Transpose([1, 0, 2])), outputs[index])
            }
        }
        expansion.outputs = outputs
        return .expansion(expansion)
    }

    private mutating func recurrentLayer() throws(ONNXImportError) -> RecurrentLayer {
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
        let (steps, batch) = isBatchFirst ? (shape[1], shape[0]) : (shape[0], shape[1])
        let recurrent = try type(2).shape
        try require(recurrent.rank == 3, "recurrent weights \(recurrent)")
        let hidden = try integer("hidden_size") ?? recurrent[2]
        try require(
            hidden == recurrent[2] && hidden > 0 && batch > 0 && shape[2] > 0, "\(shape), \(hidden) states")
        guard (1...Self.maximumSteps).contains(steps) else {
            throw failure(.tooLarge, "\(steps) steps of a sequence, expected 1 to \(Self.maximumSteps)")
        }
        let lengths = try constantIntegers(4, "lengths of sequences")
        try require(lengths?.allSatisfy { $0 == steps } ?? true, .unsupported, "sequences of other lengths")
        return RecurrentLayer(
            isBatchFirst: isBatchFirst, steps: steps, batch: batch, inputs: shape[2], hidden: hidden,
            reversals: reversals)
    }

    /// What the input contributes to the gates of all steps: `[steps, batch, gates]`.
    private mutating func gates(
        _ steps: inout Expansion, _ x: Expansion.Source, _ weights: Tensor, _ biases: Tensor?, _ direction: Int,
        _ layer: RecurrentLayer
    ) throws(ONNXImportError) -> Expansion.Source {
        let product = steps.add(.matMul(MatMul()), x, try transposed(weights, direction))
        guard let biases else { return product }
        // The input's and the recurrent ones.
        let count = 4 * layer.hidden
        let sums = biases.withElements(as: Float.self) { values in
            (0..<count).map { values[direction * 2 * count + $0] + values[direction * 2 * count + count + $0] }
        }
        return steps.add(
            .add, product,
            .constant(try ConstantFolder.checked { () throws(TensorError) in try Tensor(sums, shape: [count]) }))
    }

    /// The matrix of a direction, transposed, without the axis of directions.
    private mutating func transposed(_ tensor: Tensor, _ direction: Int) throws(ONNXImportError) -> Expansion.Source {
        let (rows, columns) = (tensor.shape[1], tensor.shape[2])
        return .constant(
            try ConstantFolder.rearrange(
                tensor, to: TensorType(.float32, try ConstantFolder.shape([columns, rows])),
                from: direction * rows * columns, strides: [1, columns], budget: &budget))
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

extension Expansion {
    /// Elements of an axis.
    fileprivate mutating func part(_ source: Source, axis: Int, _ range: Range<Int>) -> Source {
        add(
            .slice(Slice(starts: [range.lowerBound], ends: [range.upperBound], axes: [axis], steps: [1])), source)
    }
}
