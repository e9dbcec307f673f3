// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import LeakageAssessment

/// `NAME=RESULT.json`: the result of an external attack.
struct AttackArgument: ExpressibleByArgument {
    let name: String
    let path: String

    init?(argument: String) {
        guard let separator = argument.firstIndex(of: "=") else { return nil }
        name = String(argument[..<separator])
        path = String(argument[argument.index(after: separator)...])
        guard !name.isEmpty, !path.isEmpty else { return nil }
    }

    /// - Throws: ``CommandFailure`` that names the file.
    func attack(on model: AssessmentConfiguration.Network) throws -> OutsideAttack {
        let file = try InputFile.read(path, maximumBytes: AttackResult.maximumBytes)
        do throws(AssessmentError) {
            return try OutsideAttack(name, try AttackResult(decoding: file), on: model)
        } catch {
            throw CommandFailure(
                "attack", "\(path): \(error.message)",
                remedy: "Documentation/reading-a-report.md describes the form; Examples/attacks writes one")
        }
    }
}
