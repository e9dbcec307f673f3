// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    /// Emits a convolution that a precision table quantises to 8-bit integers.
    ///
    /// - Returns: `nil` if this convolution is not quantised, or has no fast code.
    mutating func lowerIntegerConvolution(
        _ convolution: Convolution, _ node: Draft.Node
    ) throws(OneDNNError) -> Int? {
        let operands = Array(node.operands)
        guard let quantization, quantization.convolutions.contains(node.output),
            let sourceFormat = quantization.format(of: operands[0]), let tensor = draft.constants[operands[1]],
            let weights = QuantizedWeights(tensor, draft.options)
        else { return nil }
        var source = try storedValue(of: operands[0])
        if !layout(source).element.isQuantized {
            source = try converted(
                source, to: layout(source).retyped(sourceFormat.element), scale: sourceFormat.scale, for: node)
        }
        let sourceScale = values[source].scale
        let result = quantization.stored[node.output]
        let element = result?.element ?? resultElement(of: node)

        var addend: (value: Int, element: LayoutElement, scale: Float)?
        if node.operands.count < node.inputs.count, let name = node.inputs.last {
            let stored = try storedValue(of: name)
            if result == nil {
                addend = (stored, element, 1)
            } else if layout(stored).element.isQuantized {
                addend = (stored, layout(stored).element, values[stored].scale)
            } else if let format = quantization.format(of: name) {
                addend = (stored, format.element, format.scale)
            } else {
                return nil
            }
        }
        let post = node.post.integerOperations(addend.map { ($0.element, $0.scale) }, result?.scale)
        let problem = IntegerConvolution(
            convolution, weights: draft.shape(operands[1]), source: layout(source), result: draft.shape(node.output),
            element: element, factors: weights.scales.map { $0 * sourceScale })
        guard let primitive = try problem.described(hasBias: operands.count == 3, post) else { return nil }

        return try emit(
            problem, primitive, weights: weights.tensor, products: problem.factors, source: source, addend: addend,
            resultScale: result?.scale ?? 1, fused: node.fused, for: node)
    }

    /// Emits a convolution of integers.
    ///
    /// - Parameters:
    ///   - primitive: The code for `problem`.
    ///   - weights: The integers, in the shape of the node's weights.
    ///   - products: The value of a product of 1, per output channel: the weights' scale times the source's.
    ///   - addend: The value that is accumulated on, and the type and scale with which it is read.
    ///   - resultScale: The scale of the result's elements; 1 for float32.
    mutating func emit(
        _ problem: IntegerConvolution, _ primitive: PrimitiveDescription, weights: Tensor, products: [Float],
        source: Int, addend: (value: Int, element: LayoutElement, scale: Float)?, resultScale: Float,
        fused: [String], for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let chosen = primitive.layout(of: .destination)
        var target: Int?
        if let addend, let name = node.inputs.last {
            let wanted = chosen.retyped(addend.element)
            let mayReplace = layout(addend.value) == wanted && mayOverwrite(name, in: node)
            let held =
                mayReplace
                ? addend.value : try copied(addend.value, to: wanted, scale: addend.scale, for: node)
            target = alias(held, as: chosen)
        }
        let destination = target ?? add(.arena, chosen)
        values[destination].scale = resultScale
        let weightLayout = try TensorLayout(problem.weightShape, element: .signed8)
        let held = add(.constant(weights, layout: weightLayout), weightLayout)
        let sourceScale = values[source].scale
        var arguments: [(argument: Argument, value: Int)] = [
            (.source, try converted(source, to: primitive.layout(of: .source), scale: sourceScale, for: node)),
            (.weights, try converted(held, to: primitive.layout(of: .weights), for: node)),
            (.destination, destination),
        ]
        let operands = Array(node.operands)
        if operands.count == 3, let bias = draft.constants[operands[2]] {
            // The bias is added before the scales are applied.
            let scaled = Constants.make(draft.type(operands[2]).shape, draft.options) {
                bias.float($0) / products[$0]
            }
            arguments.append((.bias, try addConstant(scaled)))
        }
        self.products[node.name] = .integer8
        emit(primitive, arguments, to: destination, "int8 convolution", fused: fused, for: node)
        return destination
    }
}

/// A convolution of 8-bit integers, in oneDNN's terms.
struct IntegerConvolution {
    let window: Window
    /// `[m, c, …]`, or `[groups, m / groups, c / groups, …]`.
    let weightShape: [Int]
    let source, destination: [Int]
    let sourceElement, element: LayoutElement
    /// Factors of the integer sums, one per output channel.
    let factors: [Float]

    init(
        _ convolution: Convolution, weights: [Int], source: TensorLayout, result: [Int], element: LayoutElement,
        factors: [Float]
    ) {
        window = convolution.window
        weightShape =
            convolution.groups > 1
            ? [convolution.groups, weights[0] / convolution.groups] + weights.dropFirst() : weights
        self.source = source.dimensions
        sourceElement = source.element
        destination = result
        self.element = element
        self.factors = factors
    }

    /// - Returns: `nil` if oneDNN has no fast code, or if a sum could exceed 32 bits.
    func described(hasBias: Bool, _ post: [PostOperation]) throws(OneDNNError) -> PrimitiveDescription? {
        let rank = window.kernel.count
        // oneDNN shifts signed elements to be unsigned, so an element is at most 255, and a weight at least -128.
        let depth = weightShape.suffix(rank + 1).reduce(1, *)
        guard depth <= Int(Int32.max) / (255 * 128) else { return nil }
        do throws(OneDNNError) {
            let primitive = try PrimitiveDescription.convolution(
                source: try .any(source, element: sourceElement), weights: try .any(weightShape, element: .signed8),
                bias: hasBias ? try TensorLayout([factors.count]) : nil,
                destination: try .any(destination, element: element), strides: window.strides,
                dilations: window.dilations, padBefore: (0..<rank).map(window.padBefore),
                padAfter: (0..<rank).map(window.padAfter), post: post, scales: .channels(factors))
            return primitive.isReference ? nil : primitive
        } catch {
            guard error.isUnimplemented else { throw error }
            return nil
        }
    }
}

extension [Draft.Post] {
    /// The operations for a primitive that reads or writes integers.
    ///
    /// - Parameters:
    ///   - addend: The type and the scale of the destination's previous contents.
    ///   - scale: The scale of the result; `nil` if it is not quantised.
    func integerOperations(
        _ addend: (element: LayoutElement, scale: Float)?, _ scale: Float?
    ) -> [PostOperation] {
        var operations: [PostOperation] = map { post in
            switch post {
            case .elementwise(let function): .elementwise(function)
            case .add: .accumulate(scale: addend?.scale ?? 1, element: addend?.element)
            case .levels: preconditionFailure("levels are fused into convolutions of integers only")
            }
        }
        guard let scale else { return operations }
        // oneDNN accepts only one linear function (see `withAttributes`), so one at the end absorbs the scale.
        if case .elementwise(var last) = operations.last, last.function == .linear {
            (last.alpha, last.beta) = (last.alpha / scale, last.beta / scale)
            operations[operations.count - 1] = .elementwise(last)
        } else {
            operations.append(.elementwise(Elementwise(.linear, alpha: 1 / scale)))
        }
        return operations
    }
}
