// SPDX-License-Identifier: Apache-2.0
/// Why a request to an engine failed.
package struct EngineError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// `--backnet` has no address of an engine that this program can use.
        package static let invalidAddress = Code("invalidAddress")
        /// There is no connection, or it broke.
        package static let unreachable = Code("unreachable")
        /// No answer in time.
        package static let timedOut = Code("timedOut")
        /// It says that it is not ready.
        package static let notReady = Code("notReady")
        /// It answered with an error.
        package static let refused = Code("refused")
        /// The request is over a limit of the engine, or its answer over ours.
        package static let tooLarge = Code("tooLarge")
        /// Its answer violates the protocol.
        package static let malformedAnswer = Code("malformedAnswer")
        /// The answer has tensors that the BackNet does not compute, or values that are not finite, or is another
        /// model's.
        package static let wrongAnswer = Code("wrongAnswer")
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

    /// An answer that is well formed and not this BackNet's.
    ///
    /// - Parameter what: What it has, as in "has no output 'y'".
    package static func wrongAnswer(_ what: String) -> EngineError {
        EngineError(.wrongAnswer, "the answer \(what)", remedy: BackNetSignature.deploy)
    }

    /// An engine's words about a failure, made safe for a log: printable, in one line, short.
    package static func excerpt(_ text: some StringProtocol) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(200).map { (0x20...0x7E).contains($0.value) ? $0 : " " }))
    }
}
