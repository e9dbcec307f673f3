// SPDX-License-Identifier: Apache-2.0
/// The values that cross several cuts, each named once, and the values of each cut.
struct CrossingValues {
    let names: [String]
    private let positions: [[Int]]

    /// - Parameter crossing: The names of the values that cross each cut.
    init(_ crossing: [[String]]) {
        var names: [String] = []
        var known: [String: Int] = [:]
        positions = crossing.map { list in
            list.map { name in
                if let position = known[name] { return position }
                known[name] = names.count
                names.append(name)
                return names.count - 1
            }
        }
        self.names = names
    }

    /// Groups `elements`, one per value in the order of ``names``, by cut.
    func byCut<Element>(_ elements: [Element]) -> [[Element]] { positions.map { $0.map { elements[$0] } } }
}
