// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    mutating func lowerPooling(_ pooling: Pooling, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let stored = try storedValue(of: node.inputs[0])
        // The maximum of integers is one of them, so the result has their scale.
        let keepsScale = pooling.kind == .maximum && layout(stored).element.isQuantized
        var source = keepsScale ? stored : try unscaledValue(of: node.inputs[0])
        var extents = Array(layout(source).dimensions.dropFirst(2))
        var pooling = pooling
        if pooling.kind != .maximum, pooling.window.covers(extents) {
            source = try emitWindowMeans(of: source, "average pooling", for: node)
            extents = Array(layout(source).dimensions.dropFirst(2))
            pooling = Pooling(.average, window: Window(kernel: extents))
        }
        let result = draft.shape(node.output)
        let window = pooling.window
        let rank = window.kernel.count
        // If the number of windows was rounded up (`ceil`), the last ones may reach beyond the padding and need more.
        let padAfter = (0..<rank).map { axis in
            let reach = (window.kernel[axis] - 1) * window.dilations[axis]
            let needed =
                (result[axis + 2] - 1) * window.strides[axis] + reach + 1 - extents[axis] - window.padBefore(axis)
            return max(needed, window.padAfter(axis))
        }
        let isExtended = padAfter != (0..<rank).map(window.padAfter)
        let function: PoolingFunction =
            switch pooling.kind {
            case .maximum: .maximum
            case .average: .average
            case .averageWithPadding: .averageWithPadding
            }
        func describe(_ source: TensorLayout) throws(OneDNNError) -> PrimitiveDescription {
            try .pooling(
                function, source: source, destination: try .any(result, element: source.element),
                kernel: window.kernel,
                strides: window.strides, dilations: window.dilations, padBefore: (0..<rank).map(window.padBefore),
                padAfter: padAfter)
        }
        func maximum(_ source: TensorLayout, _ destination: TensorLayout) -> BlockedMaximumPooling? {
            function != .maximum
                ? nil
                : BlockedMaximumPooling(
                    source: source, destination: destination, kernel: window.kernel, strides: window.strides,
                    dilations: window.dilations, padBefore: (0..<rank).map(window.padBefore))
        }
        var primitive: PrimitiveDescription
        do throws(OneDNNError) {
            primitive = try describe(layout(source))
            if keepsScale, primitive.hasPlainLoops {
                // oneDNN has fast code for integers only with channels innermost.
                let channelsLast = try TensorLayout.channelsLast(
                    layout(source).dimensions, element: layout(source).element)
                let other = try describe(channelsLast)
                if !other.hasPlainLoops {
                    source = try converted(source, to: channelsLast, scale: values[source].scale, for: node)
                    primitive = other
                }
            } else if result.dropFirst(2) != [1, 1],
                let blocks = try PoolingLowering.fasterLayout(than: primitive, layout(source)),
                let faster = try? describe(blocks),
                !faster.hasPlainLoops || maximum(blocks, faster.layout(of: .destination)) != nil
            {
                // For dilated windows oneDNN has only plain loops, but the engine has its own loop for blocks.
                source = try converted(source, to: blocks, for: node)
                primitive = faster
            }
        } catch {
            guard error.isUnimplemented else { throw error }
            let target = add(.arena, try TensorLayout(result))
            // The loop reads float32.
            let floats = keepsScale ? try value(of: node.inputs[0]) : source
            emit(
                .pooling(pooling, layout(floats).dimensions, result), [try rowMajor(floats, for: node)], to: target,
                for: node)
            return target
        }
        let target = add(.arena, primitive.layout(of: .destination))
        values[target].scale = values[source].scale
        if let blocks = maximum(layout(source), layout(target)) {
            emit(.maximumPooling(blocks), [source], to: target, for: node)
            return target
        }
        emit(
            primitive, [(.source, source), (.destination, target)], to: target, "\(function.rawValue) pooling",
            for: node)
        guard pooling.kind == .averageWithPadding, isExtended else { return target }

        // oneDNN divides by the size of the whole window; ONNX does not count elements beyond the padding.
        let correction = try addConstant(PoolingLowering.correction(window, extents, result, draft.options))
        return try emitBinary(.multiply, target, correction, post: [], for: node)
    }

    mutating func lowerReduceMean(_ reduction: ReduceMean, _ node: Draft.Node) throws(OneDNNError) -> Int {
        var source = try unscaledValue(of: node.inputs[0])
        let dimensions = layout(source).dimensions
        let axes = (try? reduction.resolvedAxes(rank: draft.shape(node.inputs[0]).count)) ?? []
        var kept = dimensions
        for axis in axes { kept[axis] = 1 }
        let mean: Int
        if dimensions.count >= 3, dimensions.count <= 5, axes == Array(2..<dimensions.count) {
            // The mean of each channel is a pooling, which accepts any layout.
            source = try emitWindowMeans(of: source, "mean", for: node)
            let ones = axes.map { _ in 1 }
            let zeros = axes.map { _ in 0 }
            let primitive = try PrimitiveDescription.pooling(
                .average, source: layout(source), destination: try .any(kept, element: layout(source).element),
                kernel: Array(layout(source).dimensions.dropFirst(2)),
                strides: ones, dilations: ones, padBefore: zeros, padAfter: zeros)
            mean = add(.arena, primitive.layout(of: .destination))
            emit(primitive, [(.source, source), (.destination, mean)], to: mean, "mean", for: node)
        } else {
            mean = try emitReduction(.mean, source, kept, node)
        }
        return kept == draft.type(node.output).planDimensions ? mean : try reshaped(mean, draft.type(node.output))
    }

    /// Emits the means of small windows of equal size that cover the plane. Their mean, the mean of all pixels, is then
    /// faster than directly.
    ///
    /// With channels innermost, oneDNN adds the pixels of a window sequentially, waiting for each sum, but works on
    /// several windows in parallel.
    ///
    /// - Returns: `source` itself if that is not faster or not possible.
    private mutating func emitWindowMeans(
        of source: Int, _ kind: String, for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let layout = layout(source)
        let extents = Array(layout.dimensions.dropFirst(2))
        let windows = extents.compactMap { extent in (4...8).last { extent.isMultiple(of: $0) } }
        guard ProcessorSupport.hasAVX512, layout.element == .float32, layout.dimensions.count == 4,
            layout.dimensions[1] > 1, layout.isChannelsLast, windows.count == extents.count,
            extents.reduce(1, *) >= PoolingLowering.manyPixels
        else { return source }
        let result = layout.dimensions.prefix(2) + zip(extents, windows).map { $0 / $1 }
        let primitive = try PrimitiveDescription.pooling(
            .average, source: layout, destination: try .any(Array(result)), kernel: windows, strides: windows,
            dilations: windows.map { _ in 1 }, padBefore: windows.map { _ in 0 }, padAfter: windows.map { _ in 0 })
        let target = add(.arena, primitive.layout(of: .destination))
        emit(primitive, [(.source, source), (.destination, target)], to: target, kind, for: node)
        return target
    }
}

extension Window {
    /// Whether the window has exactly these extents and no padding.
    fileprivate func covers(_ extents: [Int]) -> Bool {
        kernel == extents && pads.allSatisfy { $0 == 0 } && dilations.allSatisfy { $0 == 1 }
    }
}

private enum PoolingLowering {
    /// Blocks of 8 channels, if oneDNN has only plain loops for a row-major source. Those take 20 times as long, and
    /// the time of the maximum depends on the image.
    static func fasterLayout(
        than primitive: PrimitiveDescription, _ source: TensorLayout
    ) throws(OneDNNError) -> TensorLayout? {
        guard primitive.hasPlainLoops, ProcessorSupport.hasAVX2, source.isRowMajor, source.dimensions.count == 4,
            source.dimensions[1].isMultiple(of: 8)
        else { return nil }
        return try .channelBlocks(of: 8, source.dimensions)
    }

    /// The number of pixels from which a second pooling costs less than it saves.
    static let manyPixels = 28 * 28

    /// The number of a window's elements, divided by the number of those in the padded source: `[1, 1, extents…]`, with
    /// an element for each window.
    static func correction(
        _ window: Window, _ extents: [Int], _ result: [Int], _ options: PlanOptions
    ) throws(OneDNNError) -> Tensor {
        let spatial = Array(result.dropFirst(2))
        let ratios = spatial.indices.map { axis in
            (0..<spatial[axis]).map { position in
                let start = position * window.strides[axis] - window.padBefore(axis)
                let limit = extents[axis] + window.padAfter(axis)
                let inside = (0..<window.kernel[axis]).count { start + $0 * window.dilations[axis] < limit }
                return Float(window.kernel[axis]) / Float(max(inside, 1))
            }
        }
        let strides = TensorLayout.rowMajorStrides(spatial)
        guard let shape = try? Shape([1, 1] + spatial) else {
            throw OneDNNError(message: "pooling result \(result) is too large", isUnimplemented: true)
        }
        return Constants.make(shape, options) { index in
            spatial.indices.reduce(Float(1)) { $0 * ratios[$1][index / strides[$1] % spatial[$1]] }
        }
    }
}
