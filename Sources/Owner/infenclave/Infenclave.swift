// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import HostCore
import Inference
import ProductVersion

@main
struct Infenclave: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infenclave",
        abstract: "Confidential image classification on an untrusted host.",
        version: ProductVersion.description,
        groupedSubcommands: [
            CommandGroup(name: "Trial", subcommands: [Demo.self, Quickstart.self]),
            CommandGroup(
                name: "Model",
                subcommands: [Inspect.self, Run.self, Bench.self, Assess.self, Features.self, Partition.self]),
            CommandGroup(
                name: "Owner",
                subcommands: [
                    Keygen.self, MakeImage.self, Measure.self, MakePolicy.self, Provision.self, Keyhold.self,
                ]),
            CommandGroup(name: "Operator", subcommands: [Serve.self, Load.self]),
            CommandGroup(name: "Client", subcommands: [Attest.self, Classify.self, Proxy.self]),
        ])

    static func main() async {
        OpenBLASThreads.prepare()
        requireThreads(ProcessInfo.processInfo.processorCount + 2)
        do {
            var command = try await asyncParseAsRoot(arguments)
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch { end(error) }
    }

    /// Those of the command line. The help of a command with a default subcommand is that subcommand's, which has the
    /// options; it names the others.
    private static var arguments: [String] {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let commands: [any ParsableCommand.Type] = [Assess.self, Keyhold.self]
        if arguments.count == 2, ["-h", "--help"].contains(arguments[1]),
            let command = commands.first(where: { $0._commandName == arguments[0] }),
            let subcommand = command.configuration.defaultSubcommand
        {
            arguments.insert(subcommand._commandName, at: 1)
        }
        return arguments
    }

    /// Ends the program like ArgumentParser, whose usage errors begin with "Error:"; all errors of this program begin
    /// with its name.
    private static func end(_ error: any Error) -> Never {
        let (text, code) = (fullMessage(for: error), exitCode(for: error))
        guard code == .validationFailure, text.hasPrefix("Error: ") else { exit(withError: error) }
        for line in "infenclave: \(text.dropFirst("Error: ".count))".split(separator: "\n") { printError(String(line)) }
        Foundation.exit(code.rawValue)
    }
}

/// Ends the program with a message when so many threads cannot be created. Otherwise the task pool would wait forever
/// for its threads, and a server's libraries would abort the process.
func requireThreads(_ count: Int) {
    do throws(HostError) { try ThreadProbe.require(count) } catch {
        // There may be no thread left to throw on, and libraries wait at exit for threads that were never created.
        CommandFailure(error).report(asJSON: CommandLine.arguments.contains("--json"))
        _exit(1)
    }
}
