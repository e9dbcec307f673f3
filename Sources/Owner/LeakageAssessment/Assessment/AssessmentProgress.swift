// SPDX-License-Identifier: Apache-2.0
/// The progress of an assessment.
package struct AssessmentProgress: Sendable {
    package enum Stage: String, Sendable, CaseIterable {
        case readingPictures = "reading pictures"
        /// Units: IR images that the validator has classified or that were skipped.
        case channelKL = "channel KL"
        /// Units: cuts.
        case decoders = "decoders"
        /// Units: cuts.
        case training = "trained decoders"
        /// Units: pictures and cuts.
        case bounds = "bounds"
        /// Units: pictures at cuts.
        case whiteBox = "white-box attack"
        /// Units: cuts.
        case noise = "noise"
        /// Units: pictures.
        case features = "features"
        /// Units: cuts.
        case costs = "costs"
    }

    package let stage: Stage
    package let done: Int
    package let total: Int
    /// Units per second since the stage began; `nil` until it can be estimated.
    package let rate: Double?
    /// Seconds until the end of this stage.
    package let secondsLeft: Double?
}
