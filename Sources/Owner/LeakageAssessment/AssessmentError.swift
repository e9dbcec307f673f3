// SPDX-License-Identifier: Apache-2.0
/// An error of the `LeakageAssessment` module.
package struct AssessmentError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// The options contradict each other or the model.
        package static let invalidConfiguration = Code("invalidConfiguration")
        /// The model is no image classifier with one input and one output.
        package static let unsupportedModel = Code("unsupportedModel")
        /// A cut that does not exist or at which the input itself crosses.
        package static let invalidCut = Code("invalidCut")
        /// Fewer images than the measures need.
        package static let tooFewImages = Code("tooFewImages")
        /// A network returned values that are not finite, or no distribution over classes.
        package static let notFinite = Code("notFinite")
        /// Lengths or extents that are inconsistent.
        package static let shapeMismatch = Code("shapeMismatch")
        /// An error of the engine or of the graph.
        package static let engine = Code("engine")
        /// The bytes are no valid plan file.
        package static let malformedPlan = Code("malformedPlan")
        /// The bytes are no valid assessment file, or it contradicts itself.
        package static let malformedAssessment = Code("malformedAssessment")
        /// The bytes are no valid result of an external attack.
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
