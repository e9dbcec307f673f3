// SPDX-License-Identifier: Apache-2.0
internal import COneDNN
package import Tensors

/// A 3x3 convolution of stride 1 by Winograd's minimal filtering, for channels in blocks of 8. oneDNN has such code for
/// AVX-512 only.
///
/// The products of each of the 16 or 36 transformed elements are a 1x1 convolution. oneDNN computes all of them as one
/// grouped convolution, in which a tile is a pixel. Loops in C transform the tiles. Tiles are computed in runs, so that
/// their elements stay in the processor's cache.
///
/// - Source: Lavin and Gray, arXiv 1509.09308.
package struct BlockedWinograd: Sendable {
    /// The layout of the transformed weights, `[16 or 36, m, c, 1, 1]`: see ``WinogradWeights``.
    package let weights: TensorLayout
    package let implementation: String
    let products: PrimitiveDescription
    private let source: conednn_tiling
    private let result: conednn_tiling
    private let bounds: (conednn_bounds, conednn_bounds)
    /// Number of tiles in a run.
    private let run: Int
    package let hasAddend: Bool

    /// Approximate number of tiles in a run. Smaller runs reuse the weights less; larger ones exceed the cache.
    private static let wantedRun = 200

    /// - Parameters:
    ///   - source: `[n, c, h, w]`.
    ///   - destination: `[n, m, h', w']`.
    ///   - padBefore: Rows above and columns to the left of the source; 0 or 1.
    ///   - post: At most one ReLU, leaky ReLU or clip; then at most one sum; after the sum at most one more such
    ///     function. The slope of a leaky ReLU is at most 1.
    /// - Returns: `nil` unless the processor has AVX2, both layouts are dense blocks of 8 float32 channels, oneDNN has
    ///   code for the products, and the post-operations are the ones above.
    package init?(
        source: TensorLayout, destination: TensorLayout, padBefore: [Int], post: [PostOperation], tile: WinogradTile
    ) {
        guard ProcessorSupport.hasAVX2, source.element == .float32, destination.element == .float32,
            source.channelBlock == 8, destination.channelBlock == 8, source.dimensions[0] == destination.dimensions[0],
            padBefore.count == 2, padBefore.allSatisfy((0...1).contains), let ending = Ending(post)
        else { return nil }
        let side = tile.rawValue
        let (images, channels, results) = (source.dimensions[0], source.dimensions[1], destination.dimensions[1])
        let grid = destination.dimensions[2...].map { ($0 + side - 1) / side }
        let tiles = images * grid[0] * grid[1]
        let runs = (tiles + Self.wantedRun - 1) / Self.wantedRun
        var run = (tiles + runs - 1) / runs
        // With a multiple of 4, the elements of a tile would map to few sets of the cache.
        if run.isMultiple(of: 4) { run += 1 }
        let elements = tile.transformedElements
        guard let weights = try? TensorLayout.groupedBlocks([elements, results, channels, 1, 1]),
            let from = try? TensorLayout.channelBlocks(of: 8, [1, elements * channels, 1, run]),
            let to = try? TensorLayout.channelBlocks(of: 8, [1, elements * results, 1, run]),
            let products = try? PrimitiveDescription.convolution(
                source: from, weights: weights, bias: nil, destination: to, strides: [1, 1], dilations: [1, 1],
                padBefore: [0, 0], padAfter: [0, 0], post: []),
            !products.isReference, products.layout(of: .weights) == weights
        else { return nil }
        func tiling(_ layout: TensorLayout, _ pads: [Int]) -> conednn_tiling {
            conednn_tiling(
                blocks: Int64(layout.dimensions[1] / 8),
                extents: (Int64(layout.dimensions[2]), Int64(layout.dimensions[3])),
                pads: (Int64(pads[0]), Int64(pads[1])), grid: (Int64(grid[0]), Int64(grid[1])), tiles: Int64(tiles),
                side: Int64(side))
        }
        self.weights = weights
        self.products = products
        self.source = tiling(source, padBefore)
        result = tiling(destination, [0, 0])
        self.run = run
        bounds = ending.bounds
        hasAddend = ending.hasAddend
        implementation = "wino_\(side)x3:avx2"
    }

    /// Working memory of one execution.
    package var scratchByteCount: Int { scratch.end }

    /// Byte offsets in the working memory: of the transformed tiles, of their products, of oneDNN's own working memory,
    /// and of the end.
    var scratch: (source: Int, products: Int, primitive: Int, end: Int) {
        func aligned(_ count: Int) -> Int {
            (count + TensorStorage.alignment - 1) / TensorStorage.alignment * TensorStorage.alignment
        }
        let products = aligned(self.products.layout(of: .source).byteCount)
        let primitive = products + aligned(self.products.layout(of: .destination).byteCount)
        return (0, products, primitive, primitive + aligned(self.products.scratchpad.byteCount))
    }

    /// Transforms source and products of each run, and calls `multiply` in between.
    ///
    /// - Parameters:
    ///   - elements: Working memory of ``scratchByteCount`` bytes.
    ///   - multiply: Computes the products of the transformed tiles, both in the working memory.
    func forEachRun<Failure: Error>(
        _ operands: BlockedWinogradOperands, _ elements: UnsafeMutableRawPointer, multiply: () throws(Failure) -> Void
    ) throws(Failure) {
        let transformed = (elements + scratch.source).assumingMemoryBound(to: Float.self)
        let products = (elements + scratch.products).assumingMemoryBound(to: Float.self)
        let destination = operands.destination.assumingMemoryBound(to: Float.self)
        var ending = conednn_ending(
            bias: operands.bias?.assumingMemoryBound(to: Float.self),
            addend: operands.addend?.assumingMemoryBound(to: Float.self), bounds: bounds)
        var (source, result) = (source, result)
        for first in stride(from: 0, to: Int(source.tiles), by: run) {
            conednn_winograd_source(
                &source, operands.source.assumingMemoryBound(to: Float.self), transformed, Int64(first), Int64(run))
            try multiply()
            conednn_winograd_result(&result, products, &ending, destination, Int64(first), Int64(run))
        }
    }

    /// The operations after the products.
    private struct Ending {
        let hasAddend: Bool
        /// The functions before and after the sum.
        let bounds: (conednn_bounds, conednn_bounds)

        private static var none: conednn_bounds { conednn_bounds(slope: 1, lower: -.infinity, upper: .infinity) }

        /// - Returns: `nil` if ``BlockedWinograd`` does not accept the post-operations.
        init?(_ post: [PostOperation]) {
            // Members are set at the end: with -O, Swift 6.3 loses assignments of this loop to members with defaults.
            var (adds, isBounded) = (false, false)
            var (before, after) = (Self.none, Self.none)
            for operation in post {
                switch operation {
                case .elementwise(let function):
                    guard !isBounded, let bounds = Self.bounds(function) else { return nil }
                    isBounded = true
                    if adds { after = bounds } else { before = bounds }
                case .accumulate(1, nil):
                    guard !adds else { return nil }
                    (adds, isBounded) = (true, false)
                case .accumulate, .binary: return nil
                }
            }
            hasAddend = adds
            bounds = (before, after)
        }

        private static func bounds(_ function: Elementwise) -> conednn_bounds? {
            var bounds = none
            switch function.function {
            case .relu where function.alpha == 0: bounds.lower = 0
            case .relu where function.alpha > 0 && function.alpha <= 1: bounds.slope = function.alpha
            case .clip: (bounds.lower, bounds.upper) = (function.alpha, function.beta)
            default: return nil
            }
            return bounds
        }
    }
}

/// The operands of one execution, float32 in the layouts of the ``BlockedWinograd``.
package struct BlockedWinogradOperands {
    let source: UnsafeRawPointer
    let bias: UnsafeRawPointer?
    let addend: UnsafeRawPointer?
    let destination: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - bias: One float32 for each channel of the result.
    ///   - addend: In the destination's layout, and may be the destination itself.
    package init(
        source: UnsafeRawPointer, bias: UnsafeRawPointer?, addend: UnsafeRawPointer?,
        destination: UnsafeMutableRawPointer
    ) {
        self.source = source
        self.bias = bias
        self.addend = addend
        self.destination = destination
    }
}

/// A convolution with its weights and working memory, ready to run. One thread at a time may use it.
package final class BlockedWinogradInvocation {
    private let convolution: BlockedWinograd
    private let products: Invocation
    private let storage: TensorStorage
    private let byteOffset: Int

    /// - Parameters:
    ///   - weights: Memory with the layout ``BlockedWinograd/weights``.
    ///   - storage: ``BlockedWinograd/scratchByteCount`` bytes from `byteOffset` on are the working memory.
    package init(
        _ convolution: BlockedWinograd, weights: TensorMemory, scratch storage: TensorStorage, byteOffset: Int
    ) throws(OneDNNError) {
        precondition(byteOffset + convolution.scratchByteCount <= storage.byteCount, "too little scratch memory")
        var arguments = [(Argument.weights, weights)]
        for (argument, layout, offset) in [
            (Argument.source, convolution.products.layout(of: .source), convolution.scratch.source),
            (.destination, convolution.products.layout(of: .destination), convolution.scratch.products),
            (.scratchpad, convolution.products.scratchpad, convolution.scratch.primitive),
        ] where layout.byteCount > 0 {
            let memory = try TensorMemory(layout)
            try memory.bind(to: storage, byteOffset: byteOffset + offset)
            arguments.append((argument, memory))
        }
        products = try Invocation(convolution.products, arguments)
        self.convolution = convolution
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// - Parameter operands: With an addend if and only if the convolution has one.
    package func execute(_ operands: BlockedWinogradOperands, on stream: ExecutionStream) throws(OneDNNError) {
        precondition((operands.addend != nil) == convolution.hasAddend, "the addend is not as described")
        try convolution.forEachRun(operands, storage.base + byteOffset) { () throws(OneDNNError) in
            try products.execute(on: stream)
        }
    }
}
