import ModelGraph
import OneDNN

extension Lowering {
    mutating func lowerInnerProduct(
        _ node: Draft.Node, transposesWeights: Bool
    ) throws(OneDNNError) -> Int {
        let result = draft.shape(node.output)
        // Looks through a flattening view: the layout of what it sees goes into the order of the weights.
        var source: Int
        if let base = base(ofView: node.inputs[0]), layout(base).dimensions.count <= 5,
            layout(base).dimensions[0] == result[0]
        {
            source = base
        } else {
            source = try storedValue(of: node.inputs[0])
        }
        let dimensions = layout(source).dimensions
        let weightShape = [result[1]] + dimensions.dropFirst()
        let depth = dimensions.dropFirst().reduce(1, *)
        let inner = TensorLayout.rowMajorStrides(Array(weightShape))
        let strides =
            transposesWeights ? [1] + inner.dropFirst().map { $0 * result[1] } : [depth] + inner.dropFirst()
        let weights = alias(
            try rowMajor(try value(of: node.inputs[1]), for: node),
            as: try TensorLayout(Array(weightShape), strides: strides))
        let bias = node.operands.count == 3 ? try value(of: node.inputs[2]) : nil
        let biasLayout = bias.map { layout($0) }
        let element = element(of: node)
        let sourceLayout = layout(source).retyped(element)
        let (primitive, fits) = try fit(node.post.operations) { (post) throws(OneDNNError) in
            try .innerProduct(
                source: sourceLayout, weights: try .any(Array(weightShape), element: element), bias: biasLayout,
                destination: try TensorLayout(result), post: post)
        }
        source = try converted(source, to: primitive.layout(of: .source), for: node)
        let target = add(.arena, primitive.layout(of: .destination))
        var arguments: [(argument: Argument, value: Int)] = [
            (.source, source), (.weights, try converted(weights, to: primitive.layout(of: .weights), for: node)),
            (.destination, target),
        ]
        if let bias { arguments.append((.bias, bias)) }
        if element != .float32 { products[node.name] = .bfloat16 }
        emit(primitive, arguments, to: target, "inner product", fused: fits ? node.fused : [], for: node)
        return fits ? target : try applying(node.post, to: target, for: node)
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

    /// An operand whose last two axes are swapped by its strides.
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
