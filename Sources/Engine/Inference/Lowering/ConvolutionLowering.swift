// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

extension Lowering {
    mutating func lowerConvolution(_ convolution: Convolution, _ node: Draft.Node) throws(OneDNNError) -> Int {
        if let result = try lowerStoredIntegers(convolution, node) { return result }
        if node.post.contains(where: { $0.levels != nil }) {
            var bare = node
            (bare.inputs, bare.post, bare.fused) = (Array(node.operands), [], [])
            guard let result = try lowerConvolution(convolution, bare, .float32) else {
                throw OneDNNError(message: "no code for the convolution", isUnimplemented: true)
            }
            return try applyingWithAddition(node.post[...], of: node, to: result)
        }
        if let result = try lowerIntegerConvolution(convolution, node) { return result }
        let element = element(of: node)
        if element != .float32, let result = try lowerConvolution(convolution, node, element) {
            products[node.name] = .bfloat16
            return result
        }
        guard let result = try lowerConvolution(convolution, node, .float32) else {
            throw OneDNNError(message: "no code for the convolution", isUnimplemented: true)
        }
        return result
    }

    /// - Parameter element: The element type of the operands.
    /// - Returns: `nil` if oneDNN has only reference code for this type; never for float32.
    private mutating func lowerConvolution(
        _ convolution: Convolution, _ node: Draft.Node, _ element: LayoutElement
    ) throws(OneDNNError) -> Int? {
        let operands = Array(node.operands)
        let source = try element == .float32 ? value(of: operands[0]) : storedValue(of: operands[0])
        let destination = try TensorLayout.any(
            draft.shape(node.output), element: element == .float32 ? .float32 : resultElement(of: node))
        var weightShape = draft.shape(operands[1])
        if convolution.groups > 1 {
            weightShape = [convolution.groups, weightShape[0] / convolution.groups] + weightShape.dropFirst()
        }
        let weights = try value(of: operands[1])
        let groupedWeights = alias(try rowMajor(weights, for: node), as: try TensorLayout(weightShape))
        let bias = operands.count == 3 ? try value(of: operands[2]) : nil
        let biasLayout = bias.map { layout($0) }
        let weightLayout = try TensorLayout.any(weightShape, element: element)
        let rank = convolution.window.kernel.count
        func describe(
            _ source: TensorLayout, _ destination: TensorLayout, _ post: [PostOperation],
            _ algorithm: ConvolutionAlgorithm = .direct
        ) throws(OneDNNError) -> PrimitiveDescription {
            try .convolution(
                source: source, weights: weightLayout, bias: biasLayout, destination: destination,
                strides: convolution.window.strides, dilations: convolution.window.dilations,
                padBefore: (0..<rank).map(convolution.window.padBefore),
                padAfter: (0..<rank).map(convolution.window.padAfter), post: post, algorithm: algorithm)
        }

        let anySource = try TensorLayout.any(layout(source).dimensions, element: element)
        var primitive: PrimitiveDescription
        var fits: Bool
        do throws(OneDNNError) {
            (primitive, fits) = try fit(node.post.operations) { (post) throws(OneDNNError) in
                try describe(anySource, destination, post)
            }
        } catch {
            guard error.isUnimplemented, element != .float32 else { throw error }
            return nil
        }
        if element != .float32, primitive.isReference { return nil }
        if element == .float32, case .constant = values[groupedWeights].place,
            let result = try lowerBlockedWinograd(
                convolution, node, insteadOf: primitive, fits, source: source, weights: groupedWeights, bias: bias)
        {
            return result
        }
        var algorithm = ConvolutionAlgorithm.direct
        if element == .float32, case .constant = values[groupedWeights].place,
            let found = try winograd(
                convolution, node, insteadOf: primitive, fits,
                { (tile, post) throws(OneDNNError) in try describe(anySource, destination, post, .winograd(tile)) })
        {
            algorithm = .winograd(found.tile)
            (primitive, fits) = (found.primitive, found.fits)
        } else if prefersChannelBlocks, element == .float32, primitive.layout(of: .destination).channelBlock == nil,
            let blocks = try inChannelBlocks(anySource, destination),
            let blocked = try fitIfImplemented(
                node.post.operations,
                { (post) throws(OneDNNError) in try describe(blocks.source, blocks.destination, post) }),
            !blocked.primitive.isReference, blocked.fits || !fits
        {
            (primitive, fits) = blocked
        }
        let chosen = primitive.layout(of: .destination)
        var arguments: [(argument: Argument, value: Int)] = []
        let result =
            fits
            ? try accumulated(node, chosen, &primitive, &arguments) { (primitive, post) throws(OneDNNError) in
                try describe(primitive.layout(of: .source), chosen, post, algorithm)
            } : nil
        let target = result ?? add(.arena, chosen)
        arguments += [
            (.source, try converted(source, to: primitive.layout(of: .source), for: node)),
            (.weights, try converted(groupedWeights, to: primitive.layout(of: .weights), for: node)),
            (.destination, target),
        ]
        if let bias { arguments.append((.bias, bias)) }
        emit(
            primitive, arguments, to: target, "convolution", fused: fits ? node.fused : [], for: node)
        guard !fits else { return target }
        return try applyingWithAddition(node.post[...], of: node, to: target)
    }

    /// Layouts with channels in blocks, for which oneDNN has code for AVX-512. A source whose channels do not fill
    /// blocks, such as an image, keeps its layout.
    ///
    /// - Returns: `nil` if the result's channels do not fill blocks, or without AVX-512.
    private func inChannelBlocks(
        _ source: TensorLayout, _ destination: TensorLayout
    ) throws(OneDNNError) -> (source: TensorLayout, destination: TensorLayout)? {
        let block = 16
        guard ProcessorSupport.hasAVX512, destination.dimensions.count == 4, destination.dimensions[1] % block == 0
        else { return nil }
        return (
            source.dimensions[1] % block == 0 ? try .channelBlocks(of: block, source.dimensions) : source,
            try .channelBlocks(of: block, destination.dimensions)
        )
    }
}
