// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Sections with weights.

extension Network {
    mutating func convolutional(
        _ section: inout Section, _ weights: inout Weights
    ) throws(DarknetImportError) -> Layer {
        let input = try image(current, in: section)
        let filters = try section.extent("filters", default: 1)
        let size = try section.extent("size", default: 1)
        let stride = try section.extent("stride", default: 1)
        let strides = [
            try section.extent("stride_y", default: stride), try section.extent("stride_x", default: stride),
        ]
        let dilation = try section.extent("dilation", default: 1)
        let groups = try section.extent("groups", default: 1)
        let stated = try section.integer("padding", in: 0...1 << 20) ?? 0
        let padding = try section.flag("pad") ? size / 2 * dilation : stated
        let isNormalized = try section.flag("batch_normalize")
        let activation = section.text("activation") ?? "logistic"
        for option in ["binary", "xnor", "flipped"] where try section.flag(option) {
            throw section.failure(.unsupported, "option '\(option)' is not supported")
        }
        let channels = input.shape[1]
        guard channels % groups == 0, filters % groups == 0 else {
            throw section.failure(
                .invalidNetwork, "\(channels) channels and \(filters) filters do not divide into \(groups) groups")
        }
        let biases = try weights.read("biases", [filters], for: section)
        let statistics = isNormalized ? try Statistics(filters, &weights, section) : nil
        let kernels = try weights.read("weights", [filters, channels / groups, size, size], for: section)
        let window = Window(
            kernel: [size, size], strides: strides, dilations: [dilation, dilation],
            pads: [padding, padding, padding, padding])
        let constants = [("weights", kernels)] + (isNormalized ? [] : [("biases", biases)])
        var layer = try add(
            .convolution(Convolution(window: window, groups: groups)), [input], constants: constants,
            as: "convolutional", in: section)
        if let statistics { layer = try normalize(layer, statistics, biases, in: section) }
        return try activate(layer, activation, in: section)
    }

    mutating func connected(_ section: inout Section, _ weights: inout Weights) throws(DarknetImportError) -> Layer {
        let input = try flat(current, in: section)
        let (inputs, outputs) = (input.shape[1], try section.extent("output", default: 1))
        let activation = section.text("activation") ?? "logistic"
        let isNormalized = try section.flag("batch_normalize")
        let isTransposed = weights.isTransposed
        let biases = try weights.read("biases", [outputs], for: section)
        let matrix = try weights.read("weights", isTransposed ? [inputs, outputs] : [outputs, inputs], for: section)
        let statistics = isNormalized ? try Statistics(outputs, &weights, section) : nil
        let constants = [("weights", matrix)] + (isNormalized ? [] : [("biases", biases)])
        var layer = try add(
            .gemm(Gemm(transposeB: !isTransposed)), [input], constants: constants, as: "connected", in: section)
        if let statistics { layer = try normalize(layer, statistics, biases, in: section) }
        return try activate(layer, activation, in: section)
    }

    /// A convolution with different kernels at each position: the windows as columns, multiplied by a matrix per
    /// position.
    mutating func local(_ section: inout Section, _ weights: inout Weights) throws(DarknetImportError) -> Layer {
        let input = try image(current, in: section)
        let filters = try section.extent("filters", default: 1)
        let size = try section.extent("size", default: 1)
        let stride = try section.extent("stride", default: 1)
        let isPadded = try section.flag("pad")
        let activation = section.text("activation") ?? "logistic"
        guard !isPadded || size == 3 else {
            throw section.failure(.unsupported, "pad=1 with size=\(size): padding is supported with size=3 only")
        }
        let padding = isPadded ? 1 : 0
        guard size <= 1 << 11, input.shape[1] <= 1 << 11 else {
            throw section.failure(
                .unsupported, "windows of \(size)x\(size) over \(input.shape[1]) channels are over the limit")
        }
        let taps = input.shape[1] * size * size
        guard taps <= 1 << 11 else {
            throw section.failure(.unsupported, "windows of \(taps) values are over the limit of \(1 << 11)")
        }
        madeBytes += taps * taps * MemoryLayout<Float>.size
        guard madeBytes <= Self.maximumMadeBytes else {
            throw section.failure(
                .unsupported,
                "local sections need over \(Self.maximumMadeBytes) bytes of kernels to gather their windows")
        }
        // Kernels that each select one value of the window.
        var picks = [Float](repeating: 0, count: taps * taps)
        for tap in 0..<taps { picks[tap * taps + tap] = 1 }
        let window = Window(
            kernel: [size, size], strides: [stride, stride], pads: [padding, padding, padding, padding])
        let columns = try add(
            .convolution(Convolution(window: window)), [input],
            constants: [("picks", try Self.tensor(picks, [taps, input.shape[1], size, size], section))],
            as: "columns", in: section)
        let (height, width) = (columns.shape[2], columns.shape[3])
        let places = height * width
        let biases = try weights.read("biases", [1, filters, height, width], for: section)
        let matrices = try weights.read("weights", [places, filters, taps], for: section)
        // [n, taps, places] -> [n, places, taps, 1] -> [n, places, filters, 1] -> [n, filters, h, w]
        let lists = try add(.reshape(Reshape([0, taps, places])), [columns], as: "places", in: section)
        let turned = try add(.transpose(Transpose([0, 2, 1])), [lists], as: "turned", in: section)
        let vectors = try add(.unsqueeze(Unsqueeze(axes: [3])), [turned], as: "vectors", in: section)
        let stack = Layer(value: "\(section.layer)_matrices", shape: matrices.shape)
        constantLayer(stack.value, matrices)
        let products = try add(.matMul(MatMul()), [stack, vectors], as: "products", in: section)
        let rows = try add(.reshape(Reshape([0, places, filters])), [products], as: "rows", in: section)
        let back = try add(.transpose(Transpose([0, 2, 1])), [rows], as: "back", in: section)
        let result = try add(.reshape(Reshape([0, filters, height, width])), [back], as: "image", in: section)
        let biased = try add(
            .arithmetic(Arithmetic(.add)), [result], constants: [("biases", biases)], as: "local", in: section)
        return try activate(biased, activation, in: section)
    }
}
