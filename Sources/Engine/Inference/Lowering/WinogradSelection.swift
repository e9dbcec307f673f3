// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Memory that Winograd's algorithm may use beyond that of direct convolution.
struct WinogradMemory {
    private var left: Int
    /// Primitives share their scratch memory, so only the largest counts.
    private var scratch = 0

    init(bytes: Int) { left = bytes }

    /// - Returns: Whether there is enough for this primitive instead of the direct one.
    mutating func take(for primitive: PrimitiveDescription, insteadOf direct: PrimitiveDescription) -> Bool {
        let weights = primitive.layout(of: .weights).byteCount - direct.layout(of: .weights).byteCount
        let largest = max(scratch, primitive.scratchpad.byteCount)
        let more = max(0, weights) + (largest - scratch)
        guard more <= left else { return false }
        left -= more
        scratch = largest
        return true
    }
}

extension Draft {
    /// `nil` where convolutions that Winograd's algorithm can compute are too small a share of the work to justify
    /// blocked channels everywhere, or where there is no memory for it.
    var winogradMemory: WinogradMemory? {
        guard ProcessorSupport.hasAVX512 else { return nil }
        let bytes = options.extraMemory.bytes(
            weights: constants.values.reduce(0) { $0 + $1.byteCount }, activations: largestWorkingSet,
            limit: options.maximumWorkingBytes)
        var (left, fit, all) = (bytes, 0.0, 0.0)
        for node in nodes {
            guard case .operation(.convolution(let convolution)) = node.kind else { continue }
            let work = (shape(node.output) + shape(node.inputs[1]).dropFirst()).reduce(1) { $0 * Double($1) }
            all += work
            guard constants[node.inputs[1]] != nil, let tile = winogradTiles(convolution, node).last else { continue }
            let weights = shape(node.inputs[1])
            let more = weights[0] * weights[1] * (tile.transformedElements - 9) * LayoutElement.float32.byteCount
            guard more <= left else { continue }
            left -= more
            fit += work
        }
        return fit > 0 && fit * 8 >= all ? WinogradMemory(bytes: bytes) : nil
    }

    /// Bytes that the largest node reads and writes: a lower bound of the activations, and exact for chains of layers.
    private var largestWorkingSet: Int {
        nodes.reduce(0) { largest, node in
            let read = Set(node.inputs).filter { constants[$0] == nil }.reduce(0) { $0 + type($1).byteCount }
            return max(largest, read + type(node.output).byteCount)
        }
    }

    /// The tiles with which Winograd's algorithm is expected to be faster than direct convolution, the best first.
    /// Weights take 1.8 times as much memory with the small tile and 4 times with the large one.
    ///
    /// The gain grows with the number of pixels; with few pairs of channels there is none. Measured in
    /// `Documentation/engine-internals.md`.
    func winogradTiles(_ convolution: Convolution, _ node: Node) -> [WinogradTile] {
        let (weights, result, window) = (shape(node.inputs[1]), shape(node.output), convolution.window)
        guard weights.count == 4, convolution.groups == 1, window.kernel == [3, 3], window.strides == [1, 1],
            window.dilations == [1, 1], window.pads.allSatisfy({ $0 <= 1 }),
            weights[0] % 16 == 0, weights[1] % 16 == 0
        else { return [] }
        let (images, pixels, pairs) = (result[0], result[2] * result[3], weights[0] * weights[1])
        // oneDNN searches all divisors of the extents for the best block sizes; the limit bounds that search.
        guard (128...1 << 16).contains(pixels), pairs >= 1024 else { return [] }
        var tiles: [WinogradTile] = []
        if images * pixels >= 784, pairs >= 4096 { tiles.append(.four) }
        // At most one image per thread.
        if images <= options.threads { tiles.append(.two) }
        return tiles
    }
}

extension Lowering {
    /// Winograd's primitive for a convolution, if there is memory for it and the functions that it does not accept
    /// would not cost more than it saves.
    ///
    /// - Parameters:
    ///   - direct: The primitive for direct convolution.
    ///   - fits: Whether `direct` accepts the functions that follow.
    ///   - describe: Makes the primitive.
    mutating func winograd(
        _ convolution: Convolution, _ node: Draft.Node, insteadOf direct: PrimitiveDescription, _ fits: Bool,
        _ describe: (WinogradTile, [PostOperation]) throws(OneDNNError) -> PrimitiveDescription
    ) throws(OneDNNError) -> (tile: WinogradTile, primitive: PrimitiveDescription, fits: Bool)? {
        guard var memory = winogradMemory else { return nil }
        defer { winogradMemory = memory }
        let channels = draft.shape(node.inputs[1])[1]
        for tile in draft.winogradTiles(convolution, node) {
            let found = try fitIfImplemented(node.post.operations) { (post) throws(OneDNNError) in
                try describe(tile, post)
            }
            if let found, found.fits || !fits || channels >= 64,
                memory.take(for: found.primitive, insteadOf: direct)
            {
                return (tile, found.primitive, found.fits)
            }
        }
        return nil
    }
}
