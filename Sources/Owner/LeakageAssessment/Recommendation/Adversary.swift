/// Whom the gates hold against.
package enum Adversary: String, Sendable, Hashable, CaseIterable {
    /// Does not know the FrontNet and cannot query it: sees IR images one channel at a time. The channel KL judges.
    case paper
    /// Knows or imitates the FrontNet: decodes all channels together. The decoders judge; the channel KL is not measured.
    case informed
    /// Both are measured; a cut must hold against the informed one, who sees whatever the other sees.
    case both
}
