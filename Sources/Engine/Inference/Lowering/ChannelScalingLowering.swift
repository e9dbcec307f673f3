// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Per-channel factors for channels in blocks. If oneDNN's binary primitive has only reference code for them, a batch
/// normalisation with mean 0 and variance 1 computes the same.
extension Lowering {
    /// Emits x `[n, c, …]` times a factor per channel, plus a shift, then the node's post-operations.
    ///
    /// - Parameters:
    ///   - factors: One element per channel.
    ///   - shift: One element per channel; `nil` for no shift.
    /// - Returns: `nil` if the batch normalisation has no fast code either.
    mutating func emitChannelScaling(
        _ source: Int, by factors: Int, shift: Int?, _ node: Draft.Node
    ) throws(OneDNNError) -> Int? {
        guard let (primitive, fits) = try channelScaling(layout(source), node) else { return nil }
        let target =
            mayOverwrite(node.inputs[0], in: node)
            ? alias(source, as: layout(source)) : add(.arena, layout(source))
        try emitChannelScaling(primitive, source, factors, shift, to: target, "scale and shift", fits, node)
        return fits ? target : try applying(node.post, to: target, for: node)
    }

    /// Emits x `[n, c, h, w]` times a factor for each channel of each image, `[n, c, 1, 1]` or `[1, c, 1, 1]`, one
    /// image at a time.
    ///
    /// - Returns: `nil` if the binary primitive has fast code, or if the batch normalisation has none.
    mutating func emitGate(_ source: Int, by factors: Int, _ node: Draft.Node) throws(OneDNNError) -> Int? {
        let (whole, gate) = (layout(source), layout(factors))
        let dimensions = whole.dimensions
        guard let block = whole.channelBlock, whole.element == .float32, dimensions[0] <= 64,
            [[1, dimensions[1], 1, 1], [dimensions[0], dimensions[1], 1, 1]].contains(gate.dimensions), gate.isRowMajor,
            try !hasFastProduct(whole, gate, node)
        else { return nil }
        let image = try TensorLayout.channelBlocks(of: block, [1] + dimensions.dropFirst())
        guard let (primitive, fits) = try channelScaling(image, node) else { return nil }
        let target = add(.arena, whole)
        let channels = try TensorLayout([dimensions[1]])
        for index in 0..<dimensions[0] {
            let offset = index * image.byteCount
            let gateOffset = gate.dimensions[0] == 1 ? 0 : index * channels.byteCount
            try emitChannelScaling(
                primitive, add(.within(source, byteOffset: offset), image),
                add(.within(factors, byteOffset: gateOffset), channels), nil,
                to: add(.within(target, byteOffset: offset), image), "multiply", fits, node)
        }
        return fits ? target : try applying(node.post, to: target, for: node)
    }

    private func hasFastProduct(
        _ whole: TensorLayout, _ gate: TensorLayout, _ node: Draft.Node
    ) throws(OneDNNError) -> Bool {
        do throws(OneDNNError) {
            let (primitive, _) = try fit(node.post.operations) { (post) throws(OneDNNError) in
                try .binary(.multiply, whole, gate, destination: whole, post: post)
            }
            return !primitive.isReference
        } catch {
            guard error.isUnimplemented else { throw error }
            return false
        }
    }

    private func channelScaling(
        _ layout: TensorLayout, _ node: Draft.Node
    ) throws(OneDNNError) -> (PrimitiveDescription, fits: Bool)? {
        guard layout.element == .float32, layout.dimensions.count >= 3 else { return nil }
        do throws(OneDNNError) {
            let (primitive, fits) = try fit(node.post.operations) { (post) throws(OneDNNError) in
                try .batchNormalization(layout, post: post)
            }
            return primitive.isReference ? nil : (primitive, fits)
        } catch {
            guard error.isUnimplemented else { throw error }
            return nil
        }
    }

    private mutating func emitChannelScaling(
        _ primitive: PrimitiveDescription, _ source: Int, _ factors: Int, _ shift: Int?, to target: Int, _ kind: String,
        _ fits: Bool, _ node: Draft.Node
    ) throws(OneDNNError) {
        let channels = layout(source).dimensions[1]
        let perChannel = try TensorLayout([channels])
        func constant(_ value: Float) throws(OneDNNError) -> Int {
            do throws(TensorError) {
                let tensor = try Tensor([Float](repeating: value, count: channels), shape: [channels])
                return add(.constant(tensor, layout: perChannel), perChannel)
            } catch { throw OneDNNError(message: error.message, isUnimplemented: false) }
        }
        let zeros = try constant(0)
        emit(
            primitive,
            [
                (.source, source), (.mean, zeros), (.variance, try constant(1)),
                (.scale, alias(factors, as: perChannel)),
                (.shift, shift.map { alias($0, as: perChannel) } ?? zeros), (.destination, target),
            ], to: target, kind, fused: fits ? node.fused : [], for: node)
    }
}
