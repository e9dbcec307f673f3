// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

extension Lowering {
    mutating func lowerInnerProduct(
        _ node: Draft.Node, transposesWeights: Bool
    ) throws(OneDNNError) -> Int {
        let result = draft.shape(node.output)
        // Looks through a flattening view: the layout of its operand determines the order of the weights.
        let source: Int
        if let base = base(ofView: node.inputs[0]), layout(base).dimensions.count <= 5,
            layout(base).dimensions[0] == result[0]
        {
            source = base
        } else {
            source = try storedValue(of: node.inputs[0])
        }
        let element = element(of: node)
        let sourceLayout = layout(source).retyped(element)
        let weights = try rowMajor(try value(of: node.inputs[1]), for: node)
        let bias = node.operands.count == 3 ? try value(of: node.inputs[2]) : nil
        let destination = try TensorLayout(result)

        let dimensions = sourceLayout.dimensions
        let weightShape = [result[1]] + dimensions.dropFirst()
        let depth = dimensions.dropFirst().reduce(1, *)
        let inner = TensorLayout.rowMajorStrides(weightShape)
        var product = LinearLayer(
            weights: try TensorLayout(
                weightShape,
                strides: transposesWeights
                    ? [1] + inner.dropFirst().map { $0 * result[1] } : [depth] + inner.dropFirst()),
            bias: bias.map { layout($0) }
        ) { (weights, bias, post) throws(OneDNNError) in
            try .innerProduct(source: sourceLayout, weights: weights, bias: bias, destination: destination, post: post)
        }
        if result[0] >= LinearLayer.rowsOfMatrixProduct, dimensions.count == 2 {
            let matrixProduct = LinearLayer(
                weights: try TensorLayout(
                    [depth, result[1]], strides: transposesWeights ? [result[1], 1] : [1, depth]),
                bias: try bias.map { _ throws(OneDNNError) in try TensorLayout([1, result[1]]) }
            ) { (weights, bias, post) throws(OneDNNError) in
                try .matMul(source: sourceLayout, weights: weights, bias: bias, destination: destination, post: post)
            }
            if try matrixProduct.isBlocked(element) { product = matrixProduct }
        }

        var (primitive, fits) = try fit(node.post.operations) { (post) throws(OneDNNError) in
            try product.describe(element, post)
        }
        var arguments: [(argument: Argument, value: Int)] = []
        let chosen = primitive.layout(of: .destination)
        let sum =
            fits
            ? try accumulated(node, chosen, &primitive, &arguments) { (_, post) throws(OneDNNError) in
                try product.describe(element, post)
            } : nil
        let target = sum ?? add(.arena, chosen)
        let ordered = try converted(
            alias(weights, as: product.weights), to: primitive.layout(of: .weights), for: node)
        arguments += [
            (.source, try converted(source, to: primitive.layout(of: .source), for: node)), (.weights, ordered),
            (.destination, target),
        ]
        if let bias, let layout = product.bias { arguments.append((.bias, alias(bias, as: layout))) }
        if element != .float32 { products[node.name] = .bfloat16 }
        emit(primitive, arguments, to: target, "inner product", fused: fits ? node.fused : [], for: node)
        return fits ? target : try applyingWithAddition(node, to: target)
    }

    mutating func lowerMatMul(
        _ node: Draft.Node, _ transposesFirst: Bool, _ transposesSecond: Bool
    ) throws(OneDNNError) -> Int {
        let first = try matrix(node.inputs[0], transposesFirst, node)
        let second = try matrix(node.inputs[1], transposesSecond, node)
        let (firstLayout, secondLayout) = (layout(first), layout(second))
        let result = try TensorLayout(draft.type(node.output).planDimensions)
        let (primitive, fits) = try fit(node.post.operations) { (post) throws(OneDNNError) in
            try .matMul(source: firstLayout, weights: secondLayout, destination: result, post: post)
        }
        let target = add(.arena, result)
        emit(
            primitive, [(.source, first), (.weights, second), (.destination, target)], to: target, "matrix product",
            fused: fits ? node.fused : [], for: node)
        return fits ? target : try applying(node.post, to: target, for: node)
    }

    /// An operand; a transposition is expressed by swapped strides of its last two axes.
    private mutating func matrix(
        _ name: String, _ transposes: Bool, _ node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let value = try rowMajor(try self.value(of: name), for: node)
        guard transposes else { return value }
        var dimensions = layout(value).dimensions
        var strides = TensorLayout.rowMajorStrides(dimensions)
        let last = dimensions.count - 1
        dimensions.swapAt(last, last - 1)
        strides.swapAt(last, last - 1)
        return alias(value, as: try TensorLayout(dimensions, strides: strides))
    }
}

/// The oneDNN primitives that can compute rows times constant weights; each has code of its own.
private struct LinearLayer {
    /// From this number of rows on, blocked matrix products replace inner products. With the 197 rows of a Vision
    /// Transformer they take 0.73 to 0.85 of the time on two threads (Documentation/engine-internals.md). Few rows,
    /// such as a classifier's, stay with the inner product.
    static let rowsOfMatrixProduct = 16

    /// The layout of the weights in the primitive's axis order.
    let weights: TensorLayout
    let bias: TensorLayout?
    let make: (TensorLayout, _ bias: TensorLayout?, [PostOperation]) throws(OneDNNError) -> PrimitiveDescription

    func describe(
        _ element: LayoutElement, _ post: [PostOperation]
    ) throws(OneDNNError) -> PrimitiveDescription {
        try make(try .any(weights.dimensions, element: element), bias, post)
    }

    /// Whether there is code that takes the weights in blocks.
    func isBlocked(_ element: LayoutElement) throws(OneDNNError) -> Bool {
        do throws(OneDNNError) {
            return try describe(element, []).implementation.hasPrefix("brg:")
        } catch {
            guard error.isUnimplemented else { throw error }
            return false
        }
    }
}
