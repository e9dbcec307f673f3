// SPDX-License-Identifier: Apache-2.0
import Glibc
import ModelGraph
import OneDNN

extension Loop {
    /// A binary function of row-major float32 tensors of the result's rank, broadcast along axes where an extent is 1.
    static func broadcast(
        _ function: Arithmetic.Function, _ first: [Int], _ second: [Int], result: [Int]
    ) -> Loop {
        let (first, second, result) = joined(first, second, result)
        let left = broadcastStrides(first)
        let right = broadcastStrides(second)
        let combine: @Sendable (Float, Float) -> Float =
            switch function {
            case .add: { $0 + $1 }
            case .subtract: { $0 - $1 }
            case .multiply: { $0 * $1 }
            case .divide: { $0 / $1 }
            case .maximum: { max($0, $1) }
            case .minimum: { min($0, $1) }
            case .power: { powf($0, $1) }
            case .equal: { $0 == $1 ? 1 : 0 }
            case .greater: { $0 > $1 ? 1 : 0 }
            case .greaterOrEqual: { $0 >= $1 ? 1 : 0 }
            case .keep: { $1 != 0 ? $0 : 0 }
            }
        return Loop(name: "broadcast \(function)") { sources, destination in
            let a = sources[0].assumingMemoryBound(to: Float.self)
            let b = sources[1].assumingMemoryBound(to: Float.self)
            let target = destination.assumingMemoryBound(to: Float.self)
            var walk = Walk(result)
            let inner = result.last ?? 1
            let (leftStep, rightStep) = (left.last ?? 0, right.last ?? 0)
            for row in 0..<(result.dropLast().reduce(1, *)) {
                let (x, y) = (a + walk.offset(left), b + walk.offset(right))
                for index in 0..<inner {
                    target[row * inner + index] = combine(x[index * leftStep], y[index * rightStep])
                }
                walk.advanceRow()
            }
        }
    }

    /// Joins adjacent axes along which the same operands are broadcast, so that rows are long.
    ///
    /// - Returns: The extents of operands and result after that.
    static func joined(
        _ first: [Int], _ second: [Int], _ result: [Int]
    ) -> (first: [Int], second: [Int], result: [Int]) {
        var (left, right, whole): ([Int], [Int], [Int]) = ([1], [1], [1])
        for (axis, extent) in result.enumerated() where extent != 1 {
            let last = whole.count - 1
            let isAlike = (left[last] == 1) == (first[axis] == 1) && (right[last] == 1) == (second[axis] == 1)
            if whole[last] == 1 || isAlike {
                left[last] *= first[axis]
                right[last] *= second[axis]
                whole[last] *= extent
            } else {
                left.append(first[axis])
                right.append(second[axis])
                whole.append(extent)
            }
        }
        return (left, right, whole)
    }

    private static func broadcastStrides(_ shape: [Int]) -> [Int] {
        zip(shape, TensorLayout.rowMajorStrides(shape)).map { $0 == 1 ? 0 : $1 }
    }
}

/// Visits the rows of a tensor in row-major order. A row has all elements along the last axis.
struct Walk {
    private let extents: [Int]
    private var position: [Int]

    init(_ shape: [Int]) {
        extents = Array(shape.dropLast())
        position = extents.map { _ in 0 }
    }

    /// The offset of the row's first element, in elements, for these strides of all axes.
    func offset(_ strides: [Int]) -> Int { zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 } }

    mutating func advanceRow() {
        for axis in extents.indices.reversed() {
            position[axis] += 1
            if position[axis] < extents[axis] { return }
            position[axis] = 0
        }
    }
}
