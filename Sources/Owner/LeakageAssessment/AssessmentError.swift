/// What the `LeakageAssessment` module refuses.
package struct AssessmentError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// The options contradict each other or the model.
        package static let invalidConfiguration = Code("invalidConfiguration")
        /// A model that is no image classifier with one input and one output.
        package static let unsupportedModel = Code("unsupportedModel")
        /// A cut that does not exist or that hides nothing.
        package static let invalidCut = Code("invalidCut")
        /// Fewer pictures than the measurements need.
        package static let tooFewImages = Code("tooFewImages")
        /// A network gave values that are not finite, or no distribution over classes.
        package static let notFinite = Code("notFinite")
        /// Lengths that do not fit each other.
        package static let shapeMismatch = Code("shapeMismatch")
        /// The engine or the graph refused.
        package static let engine = Code("engine")
        /// A plan file that is not one.
        package static let malformedPlan = Code("malformedPlan")
        /// An assessment file that is not one, or that contradicts itself.
        package static let malformedAssessment = Code("malformedAssessment")
        /// An outsider's result that is not one.
        package static let malformedAttack = Code("malformedAttack")
        /// A file or folder that cannot be read or written.
        package static let file = Code("file")
        /// The caller asked to stop.
        package static let cancelled = Code("cancelled")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
