// SPDX-License-Identifier: Apache-2.0
/// The parts of a batch, each of which one plan computes.
enum BatchParts {
    /// Powers of two, largest first, that add up to `count`, of at most `kinds` different sizes. A remainder is
    /// computed image by image: padding it to a larger batch would cost as much and would need another plan.
    ///
    /// - Parameter largest: Upper limit of the sizes.
    static func sizes(of count: Int, largest: Int, kinds: Int) -> [Int] {
        var parts: [Int] = []
        var (left, kindsLeft) = (count, max(1, kinds))
        var size = 1
        while size * 2 <= largest { size *= 2 }
        while left > 0 {
            while size > left { size /= 2 }
            if kindsLeft == 1 { size = 1 }
            parts += Array(repeating: size, count: left / size)
            left %= size
            kindsLeft -= 1
        }
        return parts
    }
}
