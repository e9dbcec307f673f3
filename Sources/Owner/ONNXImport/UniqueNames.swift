/// Names that are used once each.
struct UniqueNames {
    private var reserved: Set<String>
    private var claimed: Set<String> = []

    /// - Parameter names: Names of the file, which made-up names must avoid.
    init(reserving names: [String] = []) { reserved = Set(names) }

    /// `name` if it is the first such, else one made from `fallback`.
    mutating func claim(_ name: String, orMake fallback: String) -> String {
        !name.isEmpty && claimed.insert(name).inserted ? name : make(fallback)
    }

    /// `base`, with a number behind it if it is taken.
    mutating func make(_ base: String) -> String {
        var name = base
        var number = 2
        while reserved.contains(name) || claimed.contains(name) {
            name = "\(base)_\(number)"
            number += 1
        }
        claimed.insert(name)
        return name
    }
}
