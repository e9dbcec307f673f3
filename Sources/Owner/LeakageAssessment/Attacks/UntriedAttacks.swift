// SPDX-License-Identifier: Apache-2.0
/// Attacks that belong to the assessment and did not run at a cut, because the time was over, nothing could be trained, a
/// layer has no derivative, or the configuration omits them.
///
/// An attack that did not run excludes nothing. So the cut cannot pass: there is not enough evidence, unless it fails
/// already.
package struct UntriedAttacks: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case trainedDecoder, channelKL, whiteBox
    }

    /// The kinds of attacks that were not tried, in the order of the cases.
    package let kinds: [Kind]

    package init(_ kinds: Set<Kind>) { self.kinds = Kind.allCases.filter(kinds.contains) }
}

extension UntriedAttacks: Finding {
    package static let name = "untried"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        var estimates: [Metric: LeakEstimate] = [:]
        for metric in Metric.all where !metric.attacks.isDisjoint(with: kinds) { estimates[metric] = metric.untried }
        return estimates
    }
}
