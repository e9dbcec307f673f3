// SPDX-License-Identifier: Apache-2.0
/// Generates unique names.
struct UniqueNames {
    private var reserved: Set<String>
    private var claimed: Set<String> = []

    /// - Parameter names: Names of the file, which generated names must avoid.
    init(reserving names: [String] = []) { reserved = Set(names) }

    /// `name` at its first use, else a name generated from `fallback`.
    mutating func claim(_ name: String, orMake fallback: String) -> String {
        !name.isEmpty && claimed.insert(name).inserted ? name : make(fallback)
    }

    /// `base`, with a number appended if it is taken.
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
