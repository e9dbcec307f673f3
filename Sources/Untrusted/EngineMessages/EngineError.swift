// SPDX-License-Identifier: Apache-2.0
/// Why a request to an engine failed.
package struct EngineError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// `--backnet` has an address that this program cannot use.
        package static let invalidAddress = Code("invalidAddress")
        /// There is no connection, or it was lost.
        package static let unreachable = Code("unreachable")
        /// The answer did not arrive in time.
        package static let timedOut = Code("timedOut")
        /// The engine reports that it is not ready.
        package static let notReady = Code("notReady")
        /// The engine answered with an error.
        package static let refused = Code("refused")
        /// The request exceeds a limit of the engine, or the answer exceeds ours.
        package static let tooLarge = Code("tooLarge")
        /// The answer violates the protocol.
        package static let malformedAnswer = Code("malformedAnswer")
        /// The answer has tensors that the BackNet does not compute, or another model's name.
        package static let wrongAnswer = Code("wrongAnswer")
        /// The answer has values that are not finite.
        package static let notFinite = Code("notFinite")
    }

    package let code: Code
    package let message: String
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(message); \(remedy)" }

    /// A well-formed answer that is not this BackNet's.
    ///
    /// - Parameter what: The fault, such as "has no output 'y'".
    package static func wrongAnswer(_ what: String) -> EngineError {
        EngineError(.wrongAnswer, "the answer \(what)", remedy: BackNetSignature.deploy)
    }

    /// An engine's error message, made safe for a log: printable, one line, short.
    package static func excerpt(_ text: some StringProtocol) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(200).map { (0x20...0x7E).contains($0.value) ? $0 : " " }))
    }
}
