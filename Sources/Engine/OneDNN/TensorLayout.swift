// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// Shape, element type and memory layout of a tensor. Immutable.
package final class TensorLayout: Sendable {
    let raw: dnnl_memory_desc_t
    package let dimensions: [Int]
    package let element: LayoutElement
    /// Bytes from the first element to the end, padding of blocks included.
    package let byteCount: Int
    /// Distance between consecutive indices along each axis, in elements; `nil` for a blocked layout.
    package let strides: [Int]?

    init(_ raw: dnnl_memory_desc_t) {
        self.raw = raw
        let rank = Int(raw.ndims)
        let dimensions = Self.integers(raw.dims, rank)
        let isStrided = raw.format_kind == dnnl_blocked && raw.format_desc.blocking.inner_nblks == 0
        let strides = isStrided ? Self.integers(raw.format_desc.blocking.strides, rank) : nil
        self.dimensions = dimensions
        element = LayoutElement(raw.data_type)
        self.strides = strides
        if let strides {
            // For part of a tensor, oneDNN would also count the gap after the last element.
            let span = zip(dimensions, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
            byteCount = dimensions.contains(0) ? 0 : element.byteCount * span
        } else {
            byteCount = withUnsafePointer(to: raw) { dnnl_memory_desc_get_size($0) }
        }
    }

    /// A layout with these strides, in elements; row-major if there are none.
    ///
    /// - Parameter dimensions: 1 to 12 extents.
    package convenience init(
        _ dimensions: [Int], strides: [Int]? = nil, element: LayoutElement = .float32
    ) throws(OneDNNError) {
        var raw = dnnl_memory_desc_t()
        let strides = strides ?? Self.rowMajorStrides(dimensions)
        try check(
            dnnl_memory_desc_init_by_strides(
                &raw, Int32(dimensions.count), dimensions.map(Int64.init), element.raw, strides.map(Int64.init)),
            during: "describing a tensor \(dimensions) with strides \(strides)")
        self.init(raw)
    }

    /// A layout that the primitive chooses.
    package static func any(
        _ dimensions: [Int], element: LayoutElement = .float32
    ) throws(OneDNNError) -> TensorLayout {
        var raw = dnnl_memory_desc_t()
        try check(
            dnnl_memory_desc_init_by_tag(
                &raw, Int32(dimensions.count), dimensions.map(Int64.init), element.raw, dnnl_format_tag_any),
            during: "describing a tensor \(dimensions)")
        return TensorLayout(raw)
    }

    /// Channels (axis 1) innermost.
    package static func channelsLast(
        _ dimensions: [Int], element: LayoutElement = .float32
    ) throws(OneDNNError) -> TensorLayout {
        var strides = [Int](repeating: 1, count: dimensions.count)
        var step = dimensions[1]
        for axis in stride(from: dimensions.count - 1, through: 2, by: -1) {
            strides[axis] = step
            step *= dimensions[axis]
        }
        strides[0] = step
        return try TensorLayout(dimensions, strides: strides, element: element)
    }

    /// Channels (axis 1) in dense blocks of 8 or 16, for tensors of four axes.
    package static func channelBlocks(
        of block: Int, _ dimensions: [Int], element: LayoutElement = .float32
    ) throws(OneDNNError) -> TensorLayout {
        var raw = dnnl_memory_desc_t()
        try check(
            dnnl_memory_desc_init_by_tag(
                &raw, Int32(dimensions.count), dimensions.map(Int64.init), element.raw,
                block == 8 ? dnnl_aBcd8b : dnnl_aBcd16b),
            during: "describing a tensor \(dimensions) in blocks of \(block) channels")
        return TensorLayout(raw)
    }

    /// Weights `[groups, m, c, rows, columns]` of a grouped convolution, in dense blocks of 8 by 8 channels.
    static func groupedBlocks(_ dimensions: [Int]) throws(OneDNNError) -> TensorLayout {
        var raw = dnnl_memory_desc_t()
        try check(
            dnnl_memory_desc_init_by_tag(
                &raw, Int32(dimensions.count), dimensions.map(Int64.init), LayoutElement.float32.raw,
                dnnl_gOIhw8i8o),
            during: "describing weights \(dimensions) in blocks")
        return TensorLayout(raw)
    }

    /// Channels per block, 8 or 16; `nil` for all layouts but dense blocks that the channels fill.
    package var channelBlock: Int? {
        guard dimensions.count == 4, raw.format_kind == dnnl_blocked else { return nil }
        return [8, 16].first { block in
            dimensions[1] % block == 0
                && (try? TensorLayout.channelBlocks(of: block, dimensions, element: element)) == self
        }
    }

    /// The same layout with another element type.
    package func retyped(_ element: LayoutElement) -> TensorLayout {
        guard element != self.element else { return self }
        var raw = raw
        raw.data_type = element.raw
        return TensorLayout(raw)
    }

    package static func rowMajorStrides(_ dimensions: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: dimensions.count)
        for axis in stride(from: dimensions.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * dimensions[axis + 1]
        }
        return strides
    }

    /// Whether a primitive is to choose the layout: ``any(_:element:)``.
    package var isChosenByPrimitive: Bool { raw.format_kind == dnnl_format_kind_any }

    /// Whether the elements are float32, without gaps, in row-major order. Strides along extents of 1 do not matter.
    package var isRowMajor: Bool { element == .float32 && hasStrides(Self.rowMajorStrides(dimensions)) }

    /// Whether channels are innermost, without gaps. Also true of row-major tensors whose spatial extents are 1.
    package var isChannelsLast: Bool {
        guard dimensions.count >= 3, let other = try? TensorLayout.channelsLast(dimensions) else { return false }
        return hasStrides(other.strides ?? [])
    }

    private func hasStrides(_ other: [Int]) -> Bool {
        guard let strides, raw.offset0 == 0 else { return false }
        return zip(dimensions, zip(strides, other)).allSatisfy { extent, pair in extent <= 1 || pair.0 == pair.1 }
    }

    /// The layout of part of a tensor, relative to the part's first element.
    ///
    /// - Parameter ranges: First index, positive step and number of elements along each axis, inside the extents.
    /// - Returns: The layout, and the byte offset of the part's first element; `nil` for a blocked layout.
    package func part(
        _ ranges: [(start: Int, step: Int, count: Int)]
    ) throws(OneDNNError) -> (layout: TensorLayout, byteOffset: Int)? {
        guard let strides else { return nil }
        let offset = zip(ranges, strides).reduce(0) { $0 + $1.0.start * $1.1 }
        let layout = try TensorLayout(
            ranges.map(\.count), strides: zip(ranges, strides).map { $0.0.step * $0.1 }, element: element)
        return (layout, element.byteCount * offset)
    }

    private static func integers<Storage>(_ storage: Storage, _ count: Int) -> [Int] {
        withUnsafeBytes(of: storage) { $0.bindMemory(to: Int64.self).prefix(count).map(Int.init) }
    }
}

extension TensorLayout: Equatable {
    package static func == (a: TensorLayout, b: TensorLayout) -> Bool {
        if a === b { return true }
        guard a.element == b.element else { return false }
        if a.dimensions == b.dimensions, let strides = b.strides, a.hasStrides(strides), b.raw.offset0 == 0 {
            return true
        }
        return withUnsafePointer(to: a.raw) { a in withUnsafePointer(to: b.raw) { dnnl_memory_desc_equal(a, $0) != 0 } }
    }
}

extension TensorLayout: CustomStringConvertible {
    /// Extents and order, outermost first, in oneDNN's letters: `1x64x56x56 acdb`, blocks as `aBcd16b`.
    package var description: String {
        var shape = dimensions.map(String.init).joined(separator: "x")
        if element != .float32 { shape = "\(element.label) \(shape)" }
        guard raw.format_kind == dnnl_blocked else {
            return "\(shape) \(isChosenByPrimitive ? "any" : "packed")"
        }
        let letters = Array("abcdefghijkl")
        let blocking = raw.format_desc.blocking
        let blocks = Int(blocking.inner_nblks)
        let sizes = Self.integers(blocking.inner_blks, blocks)
        let axes = Self.integers(blocking.inner_idxs, blocks)
        let outer = Self.integers(blocking.strides, dimensions.count)
        let order = dimensions.indices.sorted { (outer[$0], dimensions[$0], -$0) > (outer[$1], dimensions[$1], -$1) }
        let head = order.map { axes.contains($0) ? String(letters[$0]).uppercased() : String(letters[$0]) }.joined()
        return "\(shape) \(head)" + zip(sizes, axes).map { "\($0)\(letters[$1])" }.joined()
    }
}
