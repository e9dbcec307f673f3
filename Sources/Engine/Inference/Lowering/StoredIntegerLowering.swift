// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    /// Emits a convolution of a quantised network that multiplies the file's integers. Its sums are exact.
    ///
    /// - Returns: `nil` if an operand is not stored as integers, or if there is no fast code.
    mutating func lowerStoredIntegers(
        _ convolution: Convolution, _ node: Draft.Node
    ) throws(OneDNNError) -> Int? {
        let operands = Array(node.operands)
        guard !storedLevels.isEmpty, let weights = draft.integers[operands[1]] else { return nil }
        let source = try storedValue(of: operands[0])
        guard layout(source).element.isQuantized else { return nil }
        // As many post-operations as the code supports are fused. Separate steps apply the others.
        for count in (0...node.post.count).reversed() {
            let fused = node.post[..<count]
            if let result = try emit(convolution, weights, source, fused, node) {
                return try applyingWithAddition(node.post[count...], of: node, to: result)
            }
        }
        return nil
    }

    /// Emits the convolution with these post-operations, the first ones of the node.
    ///
    /// - Returns: `nil` if there is no fast code for all of them.
    private mutating func emit(
        _ convolution: Convolution, _ weights: IntegerWeights, _ source: Int, _ post: ArraySlice<Draft.Post>,
        _ node: Draft.Node
    ) throws(OneDNNError) -> Int? {
        let stored = post.count == node.post.count ? storedLevels[node.output] : nil
        let element = stored?.element ?? .float32
        var addend: Int?
        if post.contains(where: \.takesOperand), let name = node.inputs.last {
            let value = try storedValue(of: name)
            // The result overwrites the addend, so their elements must have the same size.
            addend = layout(value).element.byteCount == element.byteCount ? value : try self.value(of: name)
            guard let addend, layout(addend).element.byteCount == element.byteCount else { return nil }
        }
        let chain = IntegerChain(
            post, addend: addend.map { (layout($0).element, values[$0].scale) }, storesFactors: stored != nil)
        let operands = Array(node.operands)
        let sourceScale = values[source].scale
        let channels = draft.shape(operands[1])[0]
        let products = weights.scales.withElements(as: Float.self) { scales in
            (0..<channels).map { scales[scales.count == 1 ? 0 : $0] * sourceScale }
        }
        let problem = IntegerConvolution(
            convolution, weights: draft.shape(operands[1]), source: layout(source), result: draft.shape(node.output),
            element: element, factors: products.map { $0 * chain.factor })
        guard chain.isFinite, (products + problem.factors).allSatisfy(\.isNormal),
            let primitive = try problem.described(hasBias: operands.count == 3, chain.operations)
        else { return nil }

        return try emit(
            problem, primitive, weights: weights.integers, products: products, source: source,
            addend: addend.map { ($0, layout($0).element, values[$0].scale) }, resultScale: stored?.step ?? 1,
            fused: post.count == node.post.count ? node.fused : [], for: node)
    }
}

/// Post-operations of a convolution of integers. Between them, values are measured in units of a step, so that rounding
/// to its multiples is rounding to integers.
private struct IntegerChain {
    /// The factor for the scales of the sums.
    private(set) var factor: Float = 1
    private(set) var operations: [PostOperation] = []
    /// Whether no quotient of steps overflows or is subnormal.
    private(set) var isFinite = true
    /// The current unit of values.
    private var unit: Float = 1

    /// - Parameters:
    ///   - addend: The type and the scale of the destination's previous contents.
    ///   - storesFactors: Whether the last levels are written as 8-bit factors instead of float32 values.
    init(
        _ post: ArraySlice<Draft.Post>, addend: (element: LayoutElement, scale: Float)?, storesFactors: Bool
    ) {
        for (position, operation) in zip(post.indices, post) {
            switch operation {
            case .elementwise(let function):
                // A ReLU commutes with a positive factor, so it needs no particular unit.
                if function.function != .relu { measure(in: 1) }
                operations.append(.elementwise(function))
            case .add:
                let next = position + 1 < post.endIndex ? post[position + 1].levels : nil
                measure(in: next?.step ?? 1)
                let scale = (addend?.scale ?? 1) / unit
                isFinite = isFinite && scale.isNormal
                operations.append(.accumulate(scale: scale, element: addend?.element))
            case .levels(let levels):
                measure(in: levels.step)
                let isStored = storesFactors && position == post.endIndex - 1
                // The conversion to the stored type rounds and saturates.
                if !isStored { operations.append(.elementwise(Elementwise(.round))) }
                if !isStored || !levels.areAllOfType {
                    operations.append(
                        .elementwise(Elementwise(.clip, alpha: levels.lowest, beta: levels.highest)))
                }
            }
        }
        if !storesFactors { measure(in: 1) }
    }

    /// Converts values from the current unit to another one.
    private mutating func measure(in other: Float) {
        guard unit != other else { return }
        isFinite = isFinite && (unit / other).isNormal
        if operations.isEmpty {
            factor *= unit / other
        } else {
            operations.append(.elementwise(Elementwise(.linear, alpha: unit / other)))
        }
        unit = other
    }
}

extension Draft.Levels {
    /// Whether every value of the type that stores the factors is a level.
    fileprivate var areAllOfType: Bool {
        switch element {
        case .unsigned8: lowest == 0 && highest == 255
        case .signed8: lowest == -128 && highest == 127
        default: false
        }
    }
}
