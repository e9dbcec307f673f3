// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Layer, group and instance normalisation: LayerNormalization with reshapes around it.

extension ImportedNode {
    /// The outputs for training, mean and inverse deviation, are computed only if they are used.
    mutating func layerNormalization() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let axis = try axis(default: -1, rank: shape.rank)
        let epsilon = try float("epsilon") ?? 1e-5
        try require(try integer("stash_type") ?? 1 == 1, .unsupported, "stash_type is not float32")
        let names = try inputs(2...3)
        var parameters: [Shape] = []
        for index in names.indices.dropFirst() { parameters.append(try self.shape(index)) }
        let normalized = Array(shape.dimensions[axis...])
        let operation = Operation.layerNormalization(LayerNormalization(axis: axis, epsilon: epsilon))
        var steps = Expansion()
        if parameters.allSatisfy({ $0.dimensions == normalized }) {
            steps.outputs = [steps.add(operation, names.map { .value($0) })]
        } else {
            // Parameters broadcast.
            let ones = try filledOnes(normalized)
            var result = steps.add(.multiply, steps.add(operation, .value(names[0]), ones), .value(names[1]))
            if names.count == 3 { result = steps.add(.add, result, .value(names[2])) }
            steps.outputs = [result]
        }
        guard neededOutputs > 1 else { return .expansion(steps) }
        let mean = ReduceMean(axes: Array(axis..<shape.rank), keepsDimensions: true)
        let average = steps.add(.reduceMean(mean), .value(names[0]))
        let centred = steps.add(.subtract, .value(names[0]), average)
        let variance = steps.add(.reduceMean(mean), steps.add(.multiply, centred, centred))
        let deviation = steps.add(.squareRoot, steps.add(.add, variance, try number(epsilon)))
        steps.outputs += [average, steps.add(.divide, try number(1), deviation)]
        return .expansion(steps)
    }

    private func filledOnes(_ dimensions: [Int]) throws(ONNXImportError) -> Expansion.Source {
        let shape: Shape
        do throws(TensorError) { shape = try Shape(dimensions) } catch {
            throw failure(.invalidGraph, error.message)
        }
        return try filled(shape, with: 1)
    }

    /// Since opset 21, scale and bias are per channel; before, they were per group.
    mutating func statedGroupNormalization() throws(ONNXImportError) -> Lowered {
        guard let groups = try integer("num_groups") else {
            throw failure(.malformed, "attribute 'num_groups' is missing")
        }
        return try groupNormalization(groups: groups)
    }

    /// A parameter per channel, from one per group.
    private func perChannel(
        _ steps: inout Expansion, _ index: Int, groups: Int, channels: Int
    ) throws(ONNXImportError) -> Expansion.Source {
        guard opset < 21, groups != channels, operatorName == "GroupNormalization" else { return try source(index) }
        let rows = steps.add(.unsqueeze(Unsqueeze(axes: [1])), try source(index))
        let ones = try ConstantFolder.shape([1, channels / groups])
        return steps.add(
            .reshape(Reshape([channels])), steps.add(.multiply, rows, try filled(ones, with: 1)))
    }

    /// Normalises each image's groups of channels to mean 0 and variance 1, then applies a scale and a bias per
    /// channel.
    ///
    /// - Parameter groups: The number of groups; `nil` for one per channel.
    mutating func groupNormalization(groups: Int?) throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let epsilon = try float("epsilon") ?? 1e-5
        try require(try integer("stash_type") ?? 1 == 1, .unsupported, "stash_type is not float32")
        try require(shape.rank >= 3, "input \(shape) has no spatial dimension")
        try require(shape.elementCount > 0, "input \(shape) is empty")
        let channels = shape[1]
        let groups = groups ?? channels
        try require(groups > 0 && channels % groups == 0, "\(channels) channels in \(groups) groups")
        let (scale, bias) = (try self.shape(1), try self.shape(2))
        let parameters = opset < 21 && operatorName == "GroupNormalization" ? groups : channels
        try require(
            scale.dimensions == [parameters] && bias.dimensions == [parameters],
            "scale \(scale) or bias \(bias) do not fit \(channels) channels in \(groups) groups")
        let count = shape.dimensions[2...].reduce(channels / groups, *)
        let trailing = Unsqueeze(axes: Array(1...shape.rank - 2))
        let ones = try filledOnes([count])
        return try expansion { (steps) throws(ONNXImportError) in
            let rows = steps.add(.reshape(Reshape([0, groups, count])), try source(0))
            let normalized = steps.add(
                .layerNormalization(LayerNormalization(axis: 2, epsilon: epsilon)), rows, ones)
            let image = steps.add(.reshape(Reshape([0] + shape.dimensions.dropFirst())), normalized)
            let scale = try perChannel(&steps, 1, groups: groups, channels: channels)
            let bias = try perChannel(&steps, 2, groups: groups, channels: channels)
            let scaled = steps.add(.multiply, image, steps.add(.unsqueeze(trailing), scale))
            return steps.add(.add, scaled, steps.add(.unsqueeze(trailing), bias))
        }
    }
}
