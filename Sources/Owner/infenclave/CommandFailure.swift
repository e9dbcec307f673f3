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
        printError("infenclave: \(printable(message))")
        if !remedy.isEmpty { printError("  \(printable(remedy))") }
    }

}

/// Names come from outside: in a terminal they must not forge lines or change how others are shown.
func printable(_ text: String) -> String {
    String(
        text.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: " "
            default: Character(scalar)
            }
        })
}
