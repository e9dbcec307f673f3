/// What the `Inference` module refuses, and what fails in it.
package struct InferenceError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Tensors that are not what the plan takes.
        package static let invalidInputs = Code("invalidInputs")
        /// A form of an operator that the engine does not compute.
        package static let unsupported = Code("unsupported")
        /// oneDNN refused something that the engine took for possible.
        package static let libraryFailure = Code("libraryFailure")
        /// More requests wait than the executor's queue holds.
        package static let overloaded = Code("overloaded")
        /// The executor was shut down.
        package static let shutDown = Code("shutDown")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
