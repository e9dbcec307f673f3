// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Numbers that are the same in every run: SplitMix64.
package struct Noise {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    package mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, Int(next() % UInt64(last + 1))) }
        return order
    }

    /// Uniform in the range.
    package mutating func tensor(_ shape: [Int], in range: ClosedRange<Float> = -1...1) throws -> Tensor {
        try Tensor(
            (0..<shape.reduce(1, *)).map { _ in
                range.lowerBound + Float(next() >> 40) / Float(1 << 24) * (range.upperBound - range.lowerBound)
            }, shape: shape)
    }
}
