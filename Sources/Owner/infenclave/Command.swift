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
