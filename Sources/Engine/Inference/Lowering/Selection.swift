// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

extension Lowering {
    /// Emits the steps of a node and returns its value.
    mutating func compute(_ node: Draft.Node) throws(OneDNNError) -> Int {
        switch node.kind {
        case .view: preconditionFailure("views take no steps")
        case .elementwise(let function): return try lowerElementwise(function, node)
        case .levels(let levels): return try lowerLevels(levels, node)
        case .scaleShift: return try lowerScaleShift(node)
        case .innerProduct(let transposes): return try lowerInnerProduct(node, transposesWeights: transposes)
        case .matMul(let first, let second): return try lowerMatMul(node, first, second)
        case .operation(let operation):
            switch operation {
            case .convolution(let convolution): return try lowerConvolution(convolution, node)
            case .arithmetic(let arithmetic): return try lowerArithmetic(arithmetic.function, node)
            case .pooling(let pooling): return try lowerPooling(pooling, node)
            case .globalPooling(let pooling):
                let window = Window(kernel: Array(draft.shape(node.inputs[0]).dropFirst(2)))
                return try lowerPooling(
                    Pooling(pooling.kind == .maximum ? .maximum : .average, window: window), node)
            case .concat(let concat): return try lowerConcat(concat, node)
            case .transpose(let transpose): return try lowerTranspose(transpose, node)
            case .slice(let slice): return try lowerSlice(slice, node)
            case .pad(let pad): return try lowerPad(pad, node)
            case .softmax(let softmax): return try lowerSoftmax(softmax, node)
            case .localResponseNormalization(let normalization):
                return try lowerLocalResponseNormalization(normalization, node)
            case .reduceMean(let reduction): return try lowerReduceMean(reduction, node)
            case .reduction(let reduction): return try lowerReduction(reduction, node)
            case .layerNormalization(let normalization): return try lowerLayerNormalization(normalization, node)
            case .quantizeLinear(let quantize): return try lowerQuantize(quantize, node)
            case .dequantizeLinear(let dequantize): return try lowerDequantize(dequantize, node)
            case .activation(let activation): return try lowerActivationLoop(activation, node)
            default:
                throw OneDNNError(
                    message: "\(operation.label) has no lowering: a pass should have replaced it",
                    isUnimplemented: true)
            }
        }
    }

    /// The primitive with the post-operations, if oneDNN has fast code for it; otherwise without them.
    ///
    /// - Parameter make: Makes the primitive with the post-operations that are its argument.
    /// - Returns: The primitive, and whether it has the post-operations.
    func fit(
        _ post: [PostOperation], _ make: ([PostOperation]) throws(OneDNNError) -> PrimitiveDescription
    ) throws(OneDNNError) -> (primitive: PrimitiveDescription, fits: Bool) {
        guard !post.isEmpty else { return (try make([]), true) }
        let fused: PrimitiveDescription?
        do throws(OneDNNError) { fused = try make(post) } catch {
            guard error.isUnimplemented else { throw error }
            fused = nil
        }
        if let fused, !fused.isReference { return (fused, true) }
        let plain = try make([])
        if let fused, plain.isReference { return (fused, true) }
        return (plain, false)
    }

    /// Like ``fit(_:_:)``, but `nil` if oneDNN has no code without post-operations either.
    func fitIfImplemented(
        _ post: [PostOperation], _ make: ([PostOperation]) throws(OneDNNError) -> PrimitiveDescription
    ) throws(OneDNNError) -> (primitive: PrimitiveDescription, fits: Bool)? {
        do throws(OneDNNError) { return try fit(post, make) } catch {
            guard error.isUnimplemented else { throw error }
            return nil
        }
    }

    /// Applies element-wise functions to a value, in place. No other step may use the value.
    mutating func applying(_ post: [Draft.Post], to value: Int, for node: Draft.Node) throws(OneDNNError) -> Int {
        var value = value
        for case .elementwise(let function) in post {
            value = try emitElementwise(function, value, overwriting: true, for: node)
        }
        return value
    }
}

extension [Draft.Post] {
    /// The operations for oneDNN; additions accumulate on the destination.
    var operations: [PostOperation] {
        map { post in
            switch post {
            case .elementwise(let function): .elementwise(function)
            case .add: .accumulate(scale: 1, element: nil)
            case .levels: preconditionFailure("levels are fused into convolutions of integers only")
            }
        }
    }
}
