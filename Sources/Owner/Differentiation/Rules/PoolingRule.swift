// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

extension NodeDerivative {
    /// Average pooling is a convolution of each channel. Max-pooling is one too, once the windows are laid out: a
    /// convolution with one filter per position of the window, and a mask of the maximum.
    func poolingPaths(_ pooling: Pooling, _ graph: inout GraphBuilder) throws(DifferentiationError) -> Paths {
        let (input, result) = (graph.shape(of: x), graph.shape(of: y))
        let (channels, window) = (input[0] * input[1], pooling.window)
        let rank = window.kernel.count
        let size = window.kernel.reduce(1, *)
        // All padding is outside the window's operator; with rounding up, windows may reach beyond the stated padding.
        var reached = [Int](repeating: 0, count: rank)
        for axis in 0..<rank {
            let last = (result[2 + axis] - 1) * window.strides[axis]
            reached[axis] = last + (window.kernel[axis] - 1) * window.dilations[axis] + 1
        }
        let before = (0..<rank).map { window.padBefore($0) }
        let after = (0..<rank).map { reached[$0] - before[$0] - input[2 + $0] }
        let pads = [0, 0] + before + [0, 0] + after
        let single = try graph.shape([channels, 1] + input.dimensions.dropFirst(2))
        let padded = try graph.shape([channels, 1] + reached)
        let bare = Window(kernel: window.kernel, strides: window.strides, dilations: window.dilations)
        let convolution = Convolution(window: bare)
        let layOut: [LinearMap] = [.reshape(from: input, to: single), .pad(pads)]
        let pooled = try graph.shape([channels, 1] + result.dimensions.dropFirst(2))

        if pooling.kind != .maximum {
            let ones = try graph.constant([Float](repeating: 1, count: size), [1, 1] + window.kernel)
            let shares = try graph.constant(
                reciprocalCounts(pooling, input: input, result: result), [1, 1] + result.dimensions.dropFirst(2))
            return [
                layOut + [
                    .convolution(convolution, weights: ones, from: padded), .scale(by: shares),
                    .reshape(from: pooled, to: result),
                ]
            ]
        }
        var filters = [Float](repeating: 0, count: size * size)
        for position in 0..<size { filters[position * size + position] = 1 }
        let picks = try graph.constant(filters, [size, 1] + window.kernel)
        let windows = try graph.shape([channels, size] + result.dimensions.dropFirst(2))
        let flat = try graph.add(.reshape(Reshape(single.dimensions)), x)
        // Below every value, and small enough that differences stay finite.
        let surrounded = try graph.add(.pad(Pad(.constant, pads: pads, value: -1e30)), flat)
        let values = try graph.add(.convolution(convolution), surrounded, picks)
        // Repetition and summation along the window are convolutions too: the engine has no faster code for either.
        func ones(_ rows: Int, _ columns: Int) throws(DifferentiationError) -> String {
            try graph.constant(
                [Float](repeating: 1, count: rows * columns), [rows, columns] + window.kernel.map { _ in 1 })
        }
        let point = Convolution(window: Window(kernel: window.kernel.map { _ in 1 }))
        let greatest = try graph.add(
            .convolution(point), graph.add(.reshape(Reshape(pooled.dimensions)), y), ones(size, 1))
        // As one row: operations that do not preserve zeros have slow code for few channels in blocks.
        let line = ModelGraph.Operation.reshape(Reshape([windows.elementCount]))
        let nearest = try graph.complement(
            graph.step(graph.add(line, graph.difference(greatest, values))))
        let unfold = ModelGraph.Operation.reshape(Reshape(windows.dimensions))
        let count = try graph.add(.convolution(point), graph.add(unfold, nearest), ones(size, size))
        let share = try graph.quotient(nearest, graph.add(line, count))
        return [
            layOut + [
                .convolution(convolution, weights: picks, from: padded),
                .scale(by: try graph.add(unfold, share)),
                .convolution(point, weights: try ones(1, size), from: windows), .reshape(from: pooled, to: result),
            ]
        ]
    }

    /// The reciprocal of the number of elements in each window's mean, `[spatial…]` of the result.
    private func reciprocalCounts(_ pooling: Pooling, input: Shape, result: Shape) -> [Float] {
        let window = pooling.window
        var counts: [Float] = [1]
        for axis in window.kernel.indices {
            let extent = input[2 + axis]
            let valid =
                pooling.kind == .average
                ? 0..<extent : -window.padBefore(axis)..<extent + window.padAfter(axis)
            let along = (0..<result[2 + axis]).map { position in
                (0..<window.kernel[axis]).count { tap in
                    valid.contains(
                        position * window.strides[axis] - window.padBefore(axis) + tap * window.dilations[axis])
                }
            }
            counts = counts.flatMap { outer in along.map { outer * Float($0) } }
        }
        return counts.map { 1 / max($0, 1) }
    }
}
