// SPDX-License-Identifier: Apache-2.0
/// Bilinear interpolation with half-pixel centres and clamped edges, without antialiasing; deep-learning frameworks
/// call this `align_corners=False`.
///
/// Output i samples the source at (i + 1/2) * source / target - 1/2.
package struct BilinearResize: Sendable {
    /// The two source indices and the weight of the second, for each target index of one axis.
    private struct Taps: Sendable {
        let low: [Int]
        let high: [Int]
        let weight: [Float]

        init(source: Int, target: Int) {
            var (low, high, weight): ([Int], [Int], [Float]) = ([], [], [])
            for index in 0..<target {
                let position = (Double(index) + 0.5) * Double(source) / Double(target) - 0.5
                let floor = position.rounded(.down)
                low.append(min(max(Int(floor), 0), source - 1))
                high.append(min(max(Int(floor) + 1, 0), source - 1))
                weight.append(Float(position - floor))
            }
            (self.low, self.high, self.weight) = (low, high, weight)
        }
    }

    package let source: (height: Int, width: Int)
    package let target: (height: Int, width: Int)
    private let rows: Taps
    private let columns: Taps

    /// Extents must be positive.
    package init(from source: (height: Int, width: Int), to target: (height: Int, width: Int)) {
        precondition(source.height > 0 && source.width > 0 && target.height > 0 && target.width > 0)
        self.source = source
        self.target = target
        rows = Taps(source: source.height, target: target.height)
        columns = Taps(source: source.width, target: target.width)
    }

    /// - Parameters:
    ///   - map: `[source.height, source.width]`.
    ///   - result: `[target.height, target.width]`, overwritten.
    package func resize(_ map: [Float], into result: inout [Float]) {
        precondition(map.count == source.height * source.width && result.count == target.height * target.width)
        map.withUnsafeBufferPointer { map in
            result.withUnsafeMutableBufferPointer { result in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: source.width) { line in
                    for y in 0..<target.height {
                        blend(map, rows.low[y], rows.high[y], rows.weight[y], into: line)
                        let start = y * target.width
                        for x in 0..<target.width {
                            let (a, b) = (line[columns.low[x]], line[columns.high[x]])
                            result[start + x] = a + (b - a) * columns.weight[x]
                        }
                    }
                }
            }
        }
    }

    private func blend(
        _ map: UnsafeBufferPointer<Float>, _ low: Int, _ high: Int, _ weight: Float,
        into line: UnsafeMutableBufferPointer<Float>
    ) {
        let (a, b) = (low * source.width, high * source.width)
        for x in 0..<source.width { line[x] = map[a + x] + (map[b + x] - map[a + x]) * weight }
    }
}
