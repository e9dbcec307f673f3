/// How far an assessment is.
package struct AssessmentProgress: Sendable {
    package enum Stage: String, Sendable, CaseIterable {
        case readingPictures = "reading pictures"
        /// Units: IR images that went through the validator or needed not.
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
    /// Units per second since the stage began; `nil` until there is something to say.
    package let rate: Double?
    /// Until the end of this stage.
    package let secondsLeft: Double?
}
