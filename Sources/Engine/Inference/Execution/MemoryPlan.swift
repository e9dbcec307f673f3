// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The offsets of values in the arena. Values whose lifetimes overlap do not share memory.
struct MemoryPlan {
    /// Byte offsets in the arena of the values that have memory of their own.
    private(set) var offsets: [Int: Int] = [:]
    private(set) var byteCount = 0

    struct Interval {
        let value: Int
        let byteCount: Int
        /// The first and the last step that read or write the value.
        var first: Int
        var last: Int
    }

    /// Placing the largest values first compares every pair of values. For this number it takes milliseconds.
    static let largestFirstLimit = 2000

    init(_ intervals: [Interval]) {
        if intervals.count <= Self.largestFirstLimit {
            placeLargestFirst(intervals)
        } else {
            placeInOrder(intervals)
        }
    }

    /// Places large values first, each at the lowest offset that is free during its lifetime.
    private mutating func placeLargestFirst(_ intervals: [Interval]) {
        var placed: [(interval: Interval, offset: Int)] = []
        for interval in intervals.sorted(by: { ($0.byteCount, $1.value) > ($1.byteCount, $0.value) }) {
            let size = Self.aligned(interval.byteCount)
            var offset = 0
            // Sorted by offset, so the first gap that fits is the lowest.
            for other in placed where other.interval.first <= interval.last && interval.first <= other.interval.last {
                if other.offset >= offset + size { break }
                offset = max(offset, other.offset + Self.aligned(other.interval.byteCount))
            }
            let position = placed.firstIndex { $0.offset > offset } ?? placed.count
            placed.insert((interval, offset), at: position)
            place(interval, at: offset)
        }
    }

    /// Places values in the order in which their lifetimes begin, each in the smallest gap that fits. A value's memory
    /// is free after its last step.
    private mutating func placeInOrder(_ intervals: [Interval]) {
        var gaps = Gaps()
        let births = intervals.sorted { ($0.first, $0.value) < ($1.first, $1.value) }
        let deaths = intervals.sorted { ($0.last, $0.value) < ($1.last, $1.value) }
        var dead = 0
        for interval in births {
            while deaths[dead].last < interval.first {
                gaps.free(offsets[deaths[dead].value] ?? 0, Self.aligned(deaths[dead].byteCount))
                dead += 1
            }
            let size = Self.aligned(interval.byteCount)
            place(interval, at: gaps.take(size) ?? byteCount)
        }
    }

    private mutating func place(_ interval: Interval, at offset: Int) {
        offsets[interval.value] = offset
        byteCount = max(byteCount, offset + Self.aligned(interval.byteCount))
    }

    static func aligned(_ byteCount: Int) -> Int {
        (max(byteCount, 1) + TensorStorage.alignment - 1) / TensorStorage.alignment * TensorStorage.alignment
    }
}

/// Free ranges of the arena. Adjacent ranges are merged.
private struct Gaps {
    /// Sorted by offset.
    private var gaps: [(offset: Int, size: Int)] = []

    /// Takes the beginning of the smallest gap of at least this size, and returns its offset; `nil` if there is none.
    mutating func take(_ size: Int) -> Int? {
        var best: Int?
        for index in gaps.indices where gaps[index].size >= size {
            if best.map({ gaps[index].size < gaps[$0].size }) ?? true { best = index }
        }
        guard let best else { return nil }
        let offset = gaps[best].offset
        gaps[best] = (offset + size, gaps[best].size - size)
        if gaps[best].size == 0 { gaps.remove(at: best) }
        return offset
    }

    mutating func free(_ offset: Int, _ size: Int) {
        var (low, high) = (0, gaps.count)
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        gaps.insert((offset, size), at: low)
        if low + 1 < gaps.count, offset + size == gaps[low + 1].offset {
            gaps[low].size += gaps.remove(at: low + 1).size
        }
        if low > 0, gaps[low - 1].offset + gaps[low - 1].size == offset {
            gaps[low - 1].size += gaps.remove(at: low).size
        }
    }
}

extension Lowering {
    /// The lifetimes of the values in the arena: from the first to the last step that reads or writes the value or
    /// another one in its memory.
    var intervals: [MemoryPlan.Interval] {
        var intervals: [Int: MemoryPlan.Interval] = [:]
        for (index, step) in steps.enumerated() {
            for value in step.sources + [step.destination] {
                let root = root(of: value)
                guard case .arena = values[root].place else { continue }
                intervals[
                    root, default: .init(value: root, byteCount: values[root].byteCount, first: index, last: index)
                ].last = index
            }
        }
        return intervals.values.sorted { $0.value < $1.value }
    }
}
