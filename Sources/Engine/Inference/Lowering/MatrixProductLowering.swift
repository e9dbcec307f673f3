// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

extension Lowering {
    mutating func lowerInnerProduct(
        _ node: Draft.Node, transposesWeights: Bool
    ) throws(OneDNNError) -> Int {
        let result = draft.shape(node.output)
        // The operand of a flattening view is read in its own layout, and the weights are ordered accordingly.
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
                columns: 1,
                bias: try bias.map { _ throws(OneDNNError) in try TensorLayout([1, result[1]]) }
            ) { (weights, bias, post) throws(OneDNNError) in
                try .matMul(source: sourceLayout, weights: weights, bias: bias, destination: destination, post: post)
            }
            if try matrixProduct.isImplemented("brg:", element) {
                product = matrixProduct
            } else {
                let convolution = try LinearLayer(
                    convolving: result[0], from: depth, to: result[1], transposesWeights: transposesWeights,
                    bias: product.bias)
                if try convolution.isImplemented("jit_1x1:avx2", element) { product = convolution }
            }
        }

        var (primitive, fits) = try fit(node.post.operations) { (post) throws(OneDNNError) in
            try product.describe(element, post)
        }
        var arguments: [(argument: Argument, value: Int)] = []
        // All three primitives write the rows in row-major order.
        let chosen = destination
        let sum =
            fits
            ? try accumulated(node, chosen, &primitive, &arguments) { (_, post) throws(OneDNNError) in
                try product.describe(element, post)
            } : nil
        let target = sum ?? add(.arena, chosen)
        let wanted = primitive.layout(of: .weights)
        let ordered: Int
        if element == .float32, dimensions.count == 2, let integers = integerWeights(node.inputs[1]),
            integers.hasOneScale || integers.axis == (transposesWeights ? 1 : 0)
        {
            ordered = try converted(
                integers, from: product.weights, to: wanted, columns: product.columns, for: node)
        } else {
            let weights = try rowMajor(try value(of: node.inputs[1]), for: node)
            ordered = try converted(alias(weights, as: product.weights), to: wanted, for: node)
        }
        if let pixels = product.pixels {
            let rows = try converted(source, to: try TensorLayout([result[0], depth], element: element), for: node)
            arguments = arguments.map { ($0.argument, alias($0.value, as: pixels.destination)) }
            arguments += [
                (.source, alias(rows, as: pixels.source)), (.destination, alias(target, as: pixels.destination)),
            ]
        } else {
            arguments += [
                (.source, try converted(source, to: primitive.layout(of: .source), for: node)), (.destination, target),
            ]
        }
        arguments.append((.weights, ordered))
        if let bias, let layout = product.bias { arguments.append((.bias, alias(bias, as: layout))) }
        if element != .float32 { products[node.name] = .bfloat16 }
        emit(primitive, arguments, to: target, "inner product", fused: fits ? node.fused : [], for: node)
        return fits ? target : try applyingWithAddition(node.post[...], of: node, to: target)
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

    /// An operand of a matrix product. A transposition swaps the strides of its last two axes.
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

/// One of the oneDNN primitives that can compute rows times constant weights: an inner product, a matrix product or a
/// 1x1 convolution.
struct LinearLayer {
    /// The number of rows from which matrix products with blocked weights (AVX-512) or 1x1 convolutions (AVX2) replace
    /// inner products: `Documentation/engine-internals.md`, "Products of token rows". For few rows, such as a
    /// classifier's, the inner product is faster.
    static let rowsOfMatrixProduct = 16

    /// The layout of the weights in the primitive's axis order.
    let weights: TensorLayout
    /// The axis of the result's columns in the weights.
    let columns: Int
    let bias: TensorLayout?
    /// For a convolution, the layouts of source and destination: `[1, width, rows, 1]` with channels innermost, which
    /// is the same memory as row-major `[rows, width]`.
    let pixels: (source: TensorLayout, destination: TensorLayout)?
    private let make: (TensorLayout, _ bias: TensorLayout?, [PostOperation]) throws(OneDNNError) -> PrimitiveDescription

    init(
        weights: TensorLayout, columns: Int = 0, bias: TensorLayout?,
        make: @escaping (TensorLayout, TensorLayout?, [PostOperation]) throws(OneDNNError) -> PrimitiveDescription
    ) {
        (self.weights, self.columns, self.bias, self.make, pixels) = (weights, columns, bias, make, nil)
    }

    /// A 1x1 convolution in which a row is a pixel and an element of a row is a channel. oneDNN's AVX2 code for it
    /// accepts weights that were reordered once. Its code for inner products reorders them in each call.
    init(
        convolving rows: Int, from depth: Int, to width: Int, transposesWeights: Bool, bias: TensorLayout?
    ) throws(OneDNNError) {
        let source = try TensorLayout.channelsLast([1, depth, rows, 1])
        let destination = try TensorLayout.channelsLast([1, width, rows, 1])
        weights = try TensorLayout(
            [width, depth, 1, 1], strides: transposesWeights ? [1, width, 1, 1] : [depth, 1, 1, 1])
        columns = 0
        self.bias = bias
        pixels = (source, destination)
        make = { (weights, bias, post) throws(OneDNNError) in
            let post = post.map { (operation: PostOperation) -> PostOperation in
                if case .binary(let function, _) = operation { .binary(function, destination) } else { operation }
            }
            return try .convolution(
                source: source, weights: weights, bias: bias, destination: destination, strides: [1, 1],
                dilations: [1, 1], padBefore: [0, 0], padAfter: [0, 0], post: post)
        }
    }

    func describe(
        _ element: LayoutElement, _ post: [PostOperation]
    ) throws(OneDNNError) -> PrimitiveDescription {
        try make(try .any(weights.dimensions, element: element), bias, post)
    }

    /// Whether oneDNN chooses code of this kind, which accepts weights that were reordered once.
    ///
    /// - Parameter kind: A prefix of the name of the code.
    func isImplemented(_ kind: String, _ element: LayoutElement) throws(OneDNNError) -> Bool {
        do throws(OneDNNError) {
            return try describe(element, []).implementation.hasPrefix(kind)
        } catch {
            guard error.isUnimplemented else { throw error }
            return false
        }
    }
}
