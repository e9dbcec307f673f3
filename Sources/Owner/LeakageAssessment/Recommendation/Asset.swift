/// What a cut can lose of a client's picture. An owner declares which of them have to be protected.
package enum Asset: String, Sendable, Hashable, Codable, CaseIterable {
    /// How the picture looks: what a reconstruction shows.
    case appearance
    /// Which of several candidate pictures it is.
    case identity
    /// The class that the network gives it.
    case `class`

    package static let all = Set(allCases)

    /// In the order of the cases, for people: "appearance, identity and class".
    package static func sentence(_ assets: Set<Asset>) -> String {
        let names = allCases.filter(assets.contains).map(\.rawValue)
        guard let last = names.last else { return "nothing" }
        return names.count == 1 ? last : names.dropLast().joined(separator: ", ") + " and " + last
    }
}
