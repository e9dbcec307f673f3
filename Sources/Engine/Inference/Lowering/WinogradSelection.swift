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

    /// Takes the memory by which a convolution exceeds the direct convolution, if there is enough.
    ///
    /// - Parameters:
    ///   - weights: Bytes of transformed weights.
    ///   - needed: Bytes of scratch memory.
    ///   - direct: The primitive for direct convolution.
    /// - Returns: Whether there was enough.
    mutating func take(weights: Int, scratch needed: Int, insteadOf direct: PrimitiveDescription) -> Bool {
        let weights = weights - direct.layout(of: .weights).byteCount
        let largest = max(scratch, needed)
        let more = max(0, weights) + (largest - scratch)
        guard more <= left else { return false }
        left -= more
        scratch = largest
        return true
    }
}

extension Draft {
    /// The memory for Winograd's algorithm; `nil` if it should not be used: if no convolution is suitable, if suitable
    /// ones are too small a share of the work to justify blocks of 16 channels everywhere, or without memory for one.
    var winogradMemory: WinogradMemory? {
        guard ProcessorSupport.hasAVX2 else { return nil }
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
        return fit > 0 && (fit * 8 >= all || !ProcessorSupport.hasAVX512) ? WinogradMemory(bytes: bytes) : nil
    }

    /// The largest number of bytes that a node reads and writes, constants excluded. It is a lower bound of the memory
    /// for activations, which is exact for chains of layers.
    private var largestWorkingSet: Int {
        nodes.reduce(0) { largest, node in
            let read = Set(node.inputs).filter { constants[$0] == nil }.reduce(0) { $0 + type($1).byteCount }
            return max(largest, read + type(node.output).byteCount)
        }
    }

    /// The tiles with which Winograd's algorithm is expected to be faster than direct convolution, best first. Weights
    /// take 1.8 times as much memory with the small tile, and 4 times with the large one.
    ///
    /// The gain grows with the number of pixels. With few pairs of channels there is none.
    /// `Documentation/engine-internals.md` has the measurements.
    func winogradTiles(_ convolution: Convolution, _ node: Node) -> [WinogradTile] {
        let (weights, result, window) = (shape(node.inputs[1]), shape(node.output), convolution.window)
        guard weights.count == 4, convolution.groups == 1, window.kernel == [3, 3], window.strides == [1, 1],
            window.dilations == [1, 1], window.pads.allSatisfy({ $0 <= 1 }),
            weights[0] % 8 == 0, weights[1] % 8 == 0
        else { return [] }
        let (images, pixels, pairs) = (result[0], result[2] * result[3], weights[0] * weights[1])
        guard ProcessorSupport.hasAVX512 else {
            guard (100...1 << 24).contains(pixels), pairs >= (1 << 17) / pixels else { return [] }
            return [.fitting(rows: result[2], columns: result[3])]
        }
        guard weights[0] % 16 == 0, weights[1] % 16 == 0 else { return [] }
        // oneDNN searches all divisors of the extents for the best block sizes; the limit bounds that search.
        guard (128...1 << 16).contains(pixels), pairs >= 1024 else { return [] }
        var tiles: [WinogradTile] = []
        if images * pixels >= 784, pairs >= 4096 { tiles.append(.four) }
        // At most one image per thread.
        if images <= options.threads { tiles.append(.two) }
        return tiles
    }
}

extension WinogradTile {
    /// The large tile, unless large tiles cover at least a quarter more than the plane. Then small tiles need about as
    /// many products, have smaller weights, and there are more of them for the threads.
    fileprivate static func fitting(rows: Int, columns: Int) -> WinogradTile {
        let covered = ((rows + 3) / 4 * 4) * ((columns + 3) / 4 * 4)
        return 4 * covered < 5 * rows * columns ? .four : .two
    }
}

extension Lowering {
    /// The number of channels from which Winograd's algorithm saves more than a separate step for the post-operations
    /// costs.
    private static let channelsWithoutFunctions = 64

    /// oneDNN's Winograd primitive for a convolution, if there is memory for it, and if separate steps for
    /// post-operations that it does not support would not cost more than it saves.
    ///
    /// - Parameters:
    ///   - direct: The primitive for direct convolution.
    ///   - fits: Whether `direct` has the post-operations.
    ///   - describe: Makes the primitive with this tile and these post-operations.
    /// - Returns: `nil` for direct convolution. `fits`: whether the primitive has the post-operations.
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
            if let found, found.fits || !fits || channels >= Self.channelsWithoutFunctions,
                memory.take(
                    weights: found.primitive.layout(of: .weights).byteCount,
                    scratch: found.primitive.scratchpad.byteCount, insteadOf: direct)
            {
                return (tile, found.primitive, found.fits)
            }
        }
        return nil
    }

    /// Emits a convolution by ``BlockedWinograd``, if it is expected to be faster and there is memory for it.
    ///
    /// - Parameters:
    ///   - direct: The primitive for direct convolution.
    ///   - fits: Whether `direct` has the post-operations.
    ///   - weights: A row-major constant.
    /// - Returns: `nil` for direct convolution or oneDNN's own code.
    mutating func lowerBlockedWinograd(
        _ convolution: Convolution, _ node: Draft.Node, insteadOf direct: PrimitiveDescription, _ fits: Bool,
        source: Int, weights: Int, bias: Int?
    ) throws(OneDNNError) -> Int? {
        guard !ProcessorSupport.hasAVX512, var memory = winogradMemory,
            let tile = draft.winogradTiles(convolution, node).first
        else { return nil }
        let chosen = direct.layout(of: .destination)
        func describe(_ post: [PostOperation]) -> BlockedWinograd? {
            BlockedWinograd(
                source: direct.layout(of: .source), destination: chosen,
                padBefore: (0..<2).map(convolution.window.padBefore), post: post, tile: tile)
        }
        let fused = describe(node.post.operations)
        let channels = draft.shape(node.inputs[1])[1]
        guard let found = fused ?? (fits && channels < Self.channelsWithoutFunctions ? nil : describe([])),
            memory.take(weights: found.weights.byteCount, scratch: found.scratchByteCount, insteadOf: direct)
        else { return nil }
        winogradMemory = memory

        var addend: Int?
        var target: Int?
        if found.hasAddend, let name = node.inputs.last {
            let operand = try converted(try storedValue(of: name), to: chosen, for: node)
            addend = operand
            if mayOverwrite(name, in: node), root(of: operand) == root(of: try storedValue(of: name)) {
                target = alias(operand, as: chosen)
            }
        }
        let result = target ?? add(.arena, chosen)
        let operands = WinogradValues(
            source: try converted(source, to: direct.layout(of: .source), for: node),
            weights: try converted(weights, to: found.weights, for: node), bias: bias, addend: addend)
        emit(found, operands, to: result, fused: fused == nil ? [] : node.fused, for: node)
        return fused == nil ? try applyingWithAddition(node.post[...], of: node, to: result) : result
    }
}
