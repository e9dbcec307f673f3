// SPDX-License-Identifier: Apache-2.0
import Tensors

/// For each output position along one axis, the contributing input positions and their fixed-point weights.
///
/// The weights are those of Pillow's `Image.resize`: when shrinking, the filter is stretched by the factor; weights are
/// normalised in double precision, then rounded half away from zero to 22 fractional bits. Equal weights give equal
/// pixels.
///
/// - Source: Pillow's documentation of its filters (bilinear: triangle of support 1; bicubic: Keys, IEEE ASSP 29(6),
///   1981, with a = -0.5, support 2).
struct ResampleWeights {
    /// Fractional bits: 32, minus 8 for the pixel and 2 for negative lobes and carries.
    static let precision: Int32 = 32 - 8 - 2

    /// The first input position for each output position.
    let starts: [Int]
    /// The number of input positions for each output position.
    let counts: [Int]
    /// `stride` weights for each output position, the first `counts` of which are used.
    let weights: [Int32]
    let stride: Int

    /// - Parameters:
    ///   - input: Pixels along the axis, at least 1.
    ///   - output: Pixels along the axis, at least 1.
    init(from input: Int, to output: Int, _ interpolation: Preprocessing.Interpolation) {
        let scale = Double(input) / Double(output)
        let stretch = max(scale, 1)
        let support = interpolation.support * stretch
        let stride = Int(support.rounded(.up)) * 2 + 1
        var starts: [Int] = []
        var counts: [Int] = []
        var weights = [Int32](repeating: 0, count: output * stride)
        var raw: [Double] = []
        starts.reserveCapacity(output)
        counts.reserveCapacity(output)
        for position in 0..<output {
            let center = (Double(position) + 0.5) * scale
            let start = max(Int(center - support + 0.5), 0)
            let end = min(Int(center + support + 0.5), input)
            let inverse = 1 / stretch
            raw.removeAll(keepingCapacity: true)
            var sum = 0.0
            for tap in start..<end {
                let weight = interpolation.weight(at: (Double(tap) - center + 0.5) * inverse)
                raw.append(weight)
                sum += weight
            }
            for (tap, weight) in raw.enumerated() {
                let normalized = sum == 0 ? weight : weight / sum
                let scaled = normalized * Double(1 << Self.precision)
                weights[position * stride + tap] = Int32(scaled + (normalized < 0 ? -0.5 : 0.5))
            }
            starts.append(start)
            counts.append(end - start)
        }
        self.starts = starts
        self.counts = counts
        self.weights = weights
        self.stride = stride
    }
}

extension Preprocessing.Interpolation {
    /// The filter's radius at scale 1, in input pixels.
    fileprivate var support: Double {
        switch self {
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    fileprivate func weight(at position: Double) -> Double {
        let x = abs(position)
        switch self {
        case .bilinear:
            return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        }
    }
}
