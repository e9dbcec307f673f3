/// How a batch is taken apart.
enum BatchParts {
    /// Powers of two, the largest first, that add up to `count`, of at most so many kinds: what the larger ones leave over
    /// runs one at a time, since padding would cost as much and needs a plan of its own.
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
