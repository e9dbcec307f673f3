// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// A subcommand that reports its failures as one or two lines on stderr, or as JSON on stdout, and exits with 1.
protocol Command: AsyncParsableCommand {
    /// Whether the output is JSON.
    var json: Bool { get }
    func execute() async throws
}

extension Command {
    var json: Bool { false }

    func run() async throws {
        do {
            try await execute()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            CommandFailure(error).report(asJSON: json)
            throw ExitCode(1)
        }
    }
}

/// Runs `body` on its own thread: inference and numerics block, and each calling thread has its own thread team.
func onOwnThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Swift.Result { try body() }) }
        thread.stackSize = 16 << 20
        thread.start()
    }
}

/// JSON has no NaN and no infinity: they are the strings "NaN", "Infinity" and "-Infinity".
private func makeJSONEncoder(_ formatting: JSONEncoder.OutputFormatting) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return encoder
}

/// Prints a value as JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
    let encoder = makeJSONEncoder([.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Prints a value as JSON on one line, for a sequence of answers.
func printJSONLine(_ value: some Encodable) throws {
    let encoder = makeJSONEncoder([.sortedKeys, .withoutEscapingSlashes])
    // Not through print, which buffers: a reader gets each line at once.
    FileHandle.standardOutput.write(try encoder.encode(value) + [0x0A])
}

/// Writes a line to stderr.
func printError(_ line: String) {
    // If stderr is on a full disk, the program must still end with its own exit code.
    try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
}
