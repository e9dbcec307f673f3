// SPDX-License-Identifier: Apache-2.0
internal import COneDNN
package import Tensors

/// Transforms 3x3 kernels g into G g Gᵀ, in the layout of oneDNN's Winograd convolutions or of ``BlockedWinograd``.
///
/// oneDNN's own reorder gives the same values up to rounding. It is slow and needs scratch memory as large as the
/// result.
///
/// - Source: Lavin and Gray, arXiv 1509.09308, with oneDNN's interpolation points.
package struct WinogradWeights {
    private enum Order {
        /// An order of oneDNN's, with 16 kernels in a vector.
        case oneDNN(dnnl_wino_desc_t)
        /// `[16 or 36, m, c, 1, 1]` in blocks of 8 by 8 channels.
        case blocks
    }

    private let order: Order
    private let results: Int
    private let channels: Int
    private let isLargeTile: Bool

    /// - Parameters:
    ///   - layout: The layout of the transformed kernels.
    ///   - kernels: The layout of the kernels, row-major `[m, c, 3, 3]`.
    /// - Returns: `nil` unless both layouts are as described and float32.
    package init?(_ layout: TensorLayout, of kernels: TensorLayout) {
        guard kernels.isRowMajor, kernels.dimensions.count == 4, kernels.dimensions[2...] == [3, 3],
            layout.element == .float32
        else { return nil }
        (results, channels) = (kernels.dimensions[0], kernels.dimensions[1])
        guard layout.raw.format_kind == dnnl_format_kind_wino else {
            guard layout.dimensions.count == 5, [16, 36].contains(layout.dimensions[0]),
                layout.dimensions[1...] == [results, channels, 1, 1], results % 8 == 0, channels % 8 == 0,
                (try? TensorLayout.groupedBlocks(layout.dimensions)) == layout
            else { return nil }
            order = .blocks
            isLargeTile = layout.dimensions[0] == 36
            return
        }
        let description = layout.raw.format_desc.wino_desc
        switch description.wino_format {
        case dnnl_wino_wei_aaOio, dnnl_wino_wei_aaOBiOo: isLargeTile = false
        case dnnl_wino_wei_OBaaIBOIio: isLargeTile = true
        default: return nil
        }
        guard layout.dimensions == kernels.dimensions, description.oc == results, description.ic == channels,
            description.r == 3, description.alpha == (isLargeTile ? 6 : 4), description.oc_block == 16,
            description.ic_block > 0, description.oc2_block > 0, description.ic2_block > 0,
            results % (16 * Int(description.oc2_block)) == 0,
            channels % Int(description.ic_block * (isLargeTile ? description.ic2_block : 1)) == 0,
            layout.byteCount >= Int(description.alpha * description.alpha) * results * channels * 4
        else { return nil }
        order = .oneDNN(description)
    }

    /// Bytes of scratch memory for ``transform(_:to:byteOffset:scratch:)``.
    package var scratchBytes: Int {
        (9 + 3 * (isLargeTile ? FourByThree.side : TwoByThree.side)) * MemoryLayout<SIMD16<Float>>.stride
    }

    /// - Parameters:
    ///   - kernels: Row-major `[m, c, 3, 3]`.
    ///   - destination: Memory for the layout, from `byteOffset` on.
    ///   - scratch: At least ``scratchBytes``. Parts of the weights remain in it.
    package func transform(
        _ kernels: Tensor, to destination: TensorStorage, byteOffset: Int, scratch: TensorStorage
    ) {
        let side = isLargeTile ? FourByThree.side : TwoByThree.side
        precondition(kernels.shape.elementCount == 9 * results * channels, "\(kernels.type) does not fit the layout")
        let transformed = side * side * results * channels * MemoryLayout<Float>.stride
        precondition(byteOffset >= 0 && byteOffset + transformed <= destination.byteCount, "too little memory")
        precondition(scratch.byteCount >= scratchBytes, "too little scratch memory")
        kernels.withElements(as: Float.self) { elements in
            guard let source = elements.baseAddress else { return }
            let target = destination.base + byteOffset
            switch (order, isLargeTile) {
            case (.oneDNN, true): transform(source, to: target, scratch.base, FourByThree.self, SIMD16<Float>.self)
            case (.oneDNN, false): transform(source, to: target, scratch.base, TwoByThree.self, SIMD16<Float>.self)
            case (.blocks, true): transform(source, to: target, scratch.base, FourByThree.self, SIMD8<Float>.self)
            case (.blocks, false): transform(source, to: target, scratch.base, TwoByThree.self, SIMD8<Float>.self)
            }
        }
    }

    private func transform<Filter: WinogradFilter, Vector: SIMD<Float>>(
        _ source: UnsafePointer<Float>, to destination: UnsafeMutableRawPointer, _ scratch: UnsafeMutableRawPointer,
        _: Filter.Type, _: Vector.Type
    ) {
        let (side, lanes) = (Filter.side, Vector.scalarCount)
        let target = destination.assumingMemoryBound(to: Vector.self)
        let taps = scratch.assumingMemoryBound(to: Vector.self)
        let rows = taps + 9
        for block in 0..<results / lanes {
            for channel in 0..<channels {
                for lane in 0..<lanes {
                    let kernel = source + ((block * lanes + lane) * channels + channel) * 9
                    for tap in 0..<9 { taps[tap][lane] = kernel[tap] }
                }
                for row in 0..<3 {
                    Filter.expand(taps[3 * row], taps[3 * row + 1], taps[3 * row + 2]) {
                        rows[row * side + $0] = $1
                    }
                }
                let first = vector(block, channel)
                for column in 0..<side {
                    Filter.expand(rows[column], rows[side + column], rows[2 * side + column]) {
                        target[first + ($0 * side + column) * step] = $1
                    }
                }
            }
        }
    }

    /// Distance between consecutive elements of a transformed kernel, in vectors.
    private var step: Int {
        switch order {
        case .oneDNN(let description): channels * (isLargeTile ? Int(description.oc2_block) : results / 16)
        case .blocks: channels * (results / 8)
        }
    }

    /// Position of the first elements of a channel's transformed kernels, in vectors.
    private func vector(_ block: Int, _ channel: Int) -> Int {
        guard case .oneDNN(let description) = order else { return block * channels + channel }
        let many = Int(description.oc2_block)
        let (outer, part) = (block / many, block % many)
        switch description.wino_format {
        case dnnl_wino_wei_aaOio: return block * channels + channel
        case dnnl_wino_wei_aaOBiOo: return (outer * channels + channel) * many + part
        default:
            let run = Int(description.ic_block * description.ic2_block)
            let before = outer * FourByThree.side * FourByThree.side * channels * many
            return before + (channel / run * many + part) * run + channel % run
        }
    }
}

/// The Winograd transform along one axis.
private protocol WinogradFilter {
    /// Number of elements into which three kernel elements are transformed.
    static var side: Int { get }
    static func expand<Vector: SIMD<Float>>(
        _ a: Vector, _ b: Vector, _ c: Vector, _ store: (Int, Vector) -> Void)
}

private enum TwoByThree: WinogradFilter {
    static let side = 4

    @inline(__always)
    static func expand<Vector: SIMD<Float>>(
        _ a: Vector, _ b: Vector, _ c: Vector, _ store: (Int, Vector) -> Void
    ) {
        let (even, odd) = ((a + c) * 0.5, b * 0.5)
        store(0, a)
        store(1, even + odd)
        store(2, even - odd)
        store(3, c)
    }
}

private enum FourByThree: WinogradFilter {
    static let side = 6

    @inline(__always)
    static func expand<Vector: SIMD<Float>>(
        _ a: Vector, _ b: Vector, _ c: Vector, _ store: (Int, Vector) -> Void
    ) {
        let (near, nearOdd) = (a * -0.688_403_361_344_538 + c * -0.268_907_563_025_21, b * 0.430_252_100_840_336)
        let (far, farOdd) = (a * 0.119_514_472_455_649 + c * 0.268_907_563_025_21, b * 0.179_271_708_683_473)
        store(0, a * 1.137_777_777_777_78)
        store(1, near - nearOdd)
        store(2, near + nearOdd)
        store(3, far + farOdd)
        store(4, far - farOdd)
        store(5, c)
    }
}
