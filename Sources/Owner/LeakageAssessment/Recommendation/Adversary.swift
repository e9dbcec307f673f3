// SPDX-License-Identifier: Apache-2.0
/// The adversary that the gates have to withstand.
package enum Adversary: String, Sendable, Hashable, CaseIterable {
    /// Does not know the FrontNet and cannot query it: looks at IR images one channel at a time. Measured by the
    /// channel KL.
    case paper
    /// Knows or imitates the FrontNet: decodes all channels together. Measured by decoders; the channel KL is not
    /// measured.
    case informed
    /// Both are measured, and a cut must pass the gates of both. The informed adversary sees everything that the
    /// paper's sees.
    case both
}
