// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Expects a regular failure of a command: exit code 1, one or two lines on stderr that name the fault, no internals of
/// the program, nothing on stdout, and nothing left in the folder. If the command can answer in JSON, the failure is
/// also requested in that form.
func expectRefused(
    _ arguments: [String], naming word: String, json: Bool = true, in folder: TemporaryFolder,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let before = try folder.contents()
    let name = Comment(rawValue: arguments.joined(separator: " "))
    let outcome = try infenclave(arguments, in: folder)
    #expect(outcome.status == 1, name, sourceLocation: sourceLocation)
    #expect((1...2).contains(outcome.errorLines.count), "\(name): \(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errors.hasPrefix("infenclave: "), "\(name): \(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errors.contains(word), "\(name): \(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, "\(name): \(outcome.output)", sourceLocation: sourceLocation)
    for trace in ["Fatal", ".swift", "0x", "unexpected failure", "Error("] {
        #expect(!outcome.errors.contains(trace), "\(name): \(outcome.errors)", sourceLocation: sourceLocation)
    }
    if json {
        let answer = try infenclave(arguments + ["--json"], in: folder)
        #expect(answer.status == 1, name, sourceLocation: sourceLocation)
        let error = (answer.json as? [String: Any])?["error"] as? [String: Any]
        #expect(error?.keys.sorted() == ["code", "message", "remedy"], name, sourceLocation: sourceLocation)
        #expect((error?["code"] as? String)?.isEmpty == false, name, sourceLocation: sourceLocation)
        #expect((error?["message"] as? String)?.contains(word) == true, name, sourceLocation: sourceLocation)
    }
    #expect(try folder.contents() == before, name, sourceLocation: sourceLocation)
}

/// Expects that the command line itself is refused: exit code 64, nothing done.
func expectUsage(
    _ arguments: [String], in folder: TemporaryFolder, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let before = try folder.contents()
    let outcome = try infenclave(arguments, in: folder)
    let name = Comment(rawValue: arguments.joined(separator: " "))
    #expect(outcome.status == 64, name, sourceLocation: sourceLocation)
    #expect(outcome.errors.hasPrefix("infenclave: "), name, sourceLocation: sourceLocation)
    #expect(try folder.contents() == before, name, sourceLocation: sourceLocation)
}
