import Tensors

/// Where values lie in the arena: values that live at the same time do not overlap.
struct MemoryPlan {
    /// Bytes from the arena's beginning, of the values that have a place of their own there.
    private(set) var offsets: [Int: Int] = [:]
    private(set) var byteCount = 0

    struct Interval {
        let value: Int
        let byteCount: Int
        /// The first step that touches the value and the last.
        var first: Int
        var last: Int
    }

    /// Places large values first, each at the lowest offset that is free while it lives.
    init(_ intervals: [Interval]) {
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
            offsets[interval.value] = offset
            byteCount = max(byteCount, offset + size)
        }
    }

    static func aligned(_ byteCount: Int) -> Int {
        (max(byteCount, 1) + TensorStorage.alignment - 1) / TensorStorage.alignment * TensorStorage.alignment
    }
}

extension Lowering {
    /// When each value of the arena lives, by the steps that touch it or what lies in it.
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
