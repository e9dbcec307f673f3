import Foundation

/// What a command prints when it fails.
struct CommandFailure: Error {
    /// A stable word for programs.
    let code: String
    let message: String
    let remedy: String

    init(_ code: String, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    func report(asJSON: Bool) {
        guard !asJSON else {
            struct Body: Encodable {
                struct Error: Encodable { let code, message, remedy: String }
                let error: Error
            }
            try? printJSON(Body(error: .init(code: code, message: message, remedy: remedy)))
            return
        }
        printError("infenclave: \(oneLine(message))")
        if !remedy.isEmpty { printError("  \(oneLine(remedy))") }
    }

    /// Names come from outside: a line break or a control character in one must not forge output.
    private func oneLine(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
    }
}
