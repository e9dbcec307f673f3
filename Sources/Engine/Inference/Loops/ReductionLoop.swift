// SPDX-License-Identifier: Apache-2.0
import OneDNN

extension Loop {
    /// A reduction of a row-major float32 tensor along adjacent axes before the last one, for which oneDNN has only its
    /// reference code.
    ///
    /// - Parameter result: The extents of `source`, with 1 along the reduced axes.
    /// - Returns: `nil` for other axes.
    static func reduction(_ function: ReductionFunction, _ source: [Int], _ result: [Int]) -> Loop? {
        let reduced = source.indices.filter { source[$0] != result[$0] }
        guard let first = reduced.first, let last = reduced.last, result[first...last].allSatisfy({ $0 == 1 })
        else { return nil }
        let outer = source[..<first].reduce(1, *)
        let count = source[first...last].reduce(1, *)
        let inner = source[(last + 1)...].reduce(1, *)
        guard inner > 1, count > 0 else { return nil }
        return Loop(name: function.rawValue) { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Float.self)
            let target = destination.assumingMemoryBound(to: Float.self)
            for block in 0..<outer {
                let (from, to) = (source + block * count * inner, target + block * inner)
                to.update(from: from, count: inner)
                for index in 1..<count {
                    let row = from + index * inner
                    switch function {
                    case .sum, .mean: for element in 0..<inner { to[element] += row[element] }
                    case .maximum: for element in 0..<inner { to[element] = max(to[element], row[element]) }
                    case .minimum: for element in 0..<inner { to[element] = min(to[element], row[element]) }
                    }
                }
                guard function == .mean else { continue }
                for element in 0..<inner { to[element] /= Float(count) }
            }
        }
    }
}
