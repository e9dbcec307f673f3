// SPDX-License-Identifier: Apache-2.0
/// A property of a client's image that a cut can reveal. The owner declares which of them have to be protected.
package enum Asset: String, Sendable, Hashable, Codable, CaseIterable {
    /// What the image looks like, as a reconstruction shows it.
    case appearance
    /// Which of several candidate images it is.
    case identity
    /// The class that the network predicts.
    case `class`

    package static let all = Set(allCases)

    /// The assets as a list in the order of the cases, such as "appearance, identity and class".
    package static func sentence(_ assets: Set<Asset>) -> String {
        let names = allCases.filter(assets.contains).map(\.rawValue)
        guard let last = names.last else { return "nothing" }
        return names.count == 1 ? last : names.dropLast().joined(separator: ", ") + " and " + last
    }
}
