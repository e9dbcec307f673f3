// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A reproducible generator: the same seed gives the same numbers on every machine.
///
/// - Source: SplitMix64, Steele, Lea and Flood 2014.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// A generator for one purpose, independent of generators for other purposes with the same seed.
    package init(seed: UInt64, purpose: String) {
        // FNV-1a over the purpose.
        let hash = purpose.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        state = seed ^ hash
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    /// 0 ..< bound, which must be positive. The standard library does not guarantee the same draws in every version.
    package mutating func index(below bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    /// Uniform in (0, 1].
    package mutating func uniform() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }

    /// Normal with mean 0 and deviation 1.
    package mutating func normal() -> Double {
        let first = uniform()
        return BoxMuller(first, uniform()).first
    }

    /// A random order of 0 ..< count (Fisher and Yates).
    package mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, index(below: last + 1)) }
        return order
    }
}
