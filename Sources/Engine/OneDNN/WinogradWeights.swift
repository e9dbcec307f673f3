// SPDX-License-Identifier: Apache-2.0
internal import COneDNN
package import Tensors

/// Transforms 3x3 kernels into a layout of oneDNN's Winograd convolutions: G g Gᵀ of each (Lavin and Gray, arXiv
/// 1509.09308, with oneDNN's interpolation points), in the primitive's block order.
///
/// oneDNN's own reorder gives the same values up to rounding, but is slow and takes scratch memory as large as the
/// result.
package struct WinogradWeights {
    private let description: dnnl_wino_desc_t
    private let isLargeTile: Bool

    /// `nil` for every other layout.
    package init?(_ layout: TensorLayout) {
        guard layout.raw.format_kind == dnnl_format_kind_wino, layout.element == .float32,
            layout.dimensions.count == 4, layout.dimensions[2...] == [3, 3]
        else { return nil }
        let description = layout.raw.format_desc.wino_desc
        switch description.wino_format {
        case dnnl_wino_wei_aaOio, dnnl_wino_wei_aaOBiOo: isLargeTile = false
        case dnnl_wino_wei_OBaaIBOIio: isLargeTile = true
        default: return nil
        }
        let (results, channels) = (Int(description.oc), Int(description.ic))
        guard description.r == 3, description.alpha == (isLargeTile ? 6 : 4), description.oc_block == 16,
            description.ic_block > 0, description.oc2_block > 0,
            description.ic2_block > 0, layout.dimensions[0] == results, layout.dimensions[1] == channels,
            results % (16 * Int(description.oc2_block)) == 0,
            channels % Int(description.ic_block * (isLargeTile ? description.ic2_block : 1)) == 0,
            layout.byteCount >= Int(description.alpha * description.alpha) * results * channels * 4
        else { return nil }
        self.description = description
    }

    /// Scratch memory of the transform.
    package var scratchBytes: Int { (9 + 3 * (isLargeTile ? FourByThree.side : TwoByThree.side)) * Self.vectorBytes }

    /// - Parameters:
    ///   - kernels: Row-major `[results, channels, 3, 3]`.
    ///   - destination: Memory of the layout, from `byteOffset` on.
    ///   - scratch: ``scratchBytes`` or more; overwritten with kernels.
    package func transform(
        _ kernels: Tensor, to destination: TensorStorage, byteOffset: Int, scratch: TensorStorage
    ) {
        let count = Int(description.oc * description.ic)
        precondition(kernels.shape.elementCount == 9 * count, "\(kernels.type) does not fit the layout")
        let transformed = Int(description.alpha * description.alpha) * count * MemoryLayout<Float>.stride
        precondition(byteOffset >= 0 && byteOffset + transformed <= destination.byteCount, "too little memory")
        precondition(scratch.byteCount >= scratchBytes, "too little scratch memory")
        kernels.withElements(as: Float.self) { elements in
            guard let source = elements.baseAddress else { return }
            let target = destination.base + byteOffset
            if isLargeTile {
                transform(source, to: target, scratch.base, FourByThree.self)
            } else {
                transform(source, to: target, scratch.base, TwoByThree.self)
            }
        }
    }

    private static var lanes: Int { SIMD16<Float>.scalarCount }
    private static var vectorBytes: Int { MemoryLayout<SIMD16<Float>>.stride }

    private func transform<Filter: WinogradFilter>(
        _ source: UnsafePointer<Float>, to destination: UnsafeMutableRawPointer, _ scratch: UnsafeMutableRawPointer,
        _: Filter.Type
    ) {
        let (results, channels) = (Int(description.oc), Int(description.ic))
        let side = Filter.side
        // Distance between consecutive transformed elements of a kernel.
        let step = Self.vectorBytes * channels * (isLargeTile ? Int(description.oc2_block) : results / Self.lanes)
        let taps = scratch.assumingMemoryBound(to: SIMD16<Float>.self)
        let rows = taps + 9
        for block in 0..<results / Self.lanes {
            for channel in 0..<channels {
                for lane in 0..<Self.lanes {
                    let kernel = source + ((block * Self.lanes + lane) * channels + channel) * 9
                    for tap in 0..<9 { taps[tap][lane] = kernel[tap] }
                }
                for row in 0..<3 {
                    Filter.expand(taps[3 * row], taps[3 * row + 1], taps[3 * row + 2]) {
                        rows[row * side + $0] = $1
                    }
                }
                let target = destination + Self.vectorBytes * vector(block, channel)
                for column in 0..<side {
                    Filter.expand(rows[column], rows[side + column], rows[2 * side + column]) {
                        (target + ($0 * side + column) * step).storeBytes(of: $1, as: SIMD16<Float>.self)
                    }
                }
            }
        }
    }

    /// Position of the first transformed elements of a channel's 16 kernels, in vectors of 16.
    private func vector(_ block: Int, _ channel: Int) -> Int {
        let (channels, many) = (Int(description.ic), Int(description.oc2_block))
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
    /// Number of transformed elements of three kernel elements.
    static var side: Int { get }
    static func expand(
        _ a: SIMD16<Float>, _ b: SIMD16<Float>, _ c: SIMD16<Float>, _ store: (Int, SIMD16<Float>) -> Void)
}

private enum TwoByThree: WinogradFilter {
    static let side = 4

    @inline(__always)
    static func expand(
        _ a: SIMD16<Float>, _ b: SIMD16<Float>, _ c: SIMD16<Float>, _ store: (Int, SIMD16<Float>) -> Void
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
    static func expand(
        _ a: SIMD16<Float>, _ b: SIMD16<Float>, _ c: SIMD16<Float>, _ store: (Int, SIMD16<Float>) -> Void
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
