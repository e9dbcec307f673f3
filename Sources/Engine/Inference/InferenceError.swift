// SPDX-License-Identifier: Apache-2.0
/// An error of the `Inference` module: a refused request or a failure.
package struct InferenceError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// Inputs of a number or types that the plan does not accept.
        package static let invalidInputs = Code("invalidInputs")
        /// A form of an operator that the engine does not compute.
        package static let unsupported = Code("unsupported")
        /// oneDNN rejected a problem that the engine expects it to support, or memory could not be allocated.
        package static let libraryFailure = Code("libraryFailure")
        /// A fault of the engine itself: a pass left a draft that is not valid.
        package static let internalFault = Code("internalFault")
        /// The executor's queue is full.
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
