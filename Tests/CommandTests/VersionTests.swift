// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite("Version and help")
struct VersionTests {
    @Test(
        "--version prints the version, commit and build flags, or states that they are unknown")
    func version() throws {
        let folder = try TemporaryFolder()
        let outcome = try Program(["--version"], in: folder).wait()
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        try #require(lines.count >= 3, "\(outcome.output)")
        #expect(lines[0].wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+/) != nil, "\(lines[0])")
        let commit = /commit: ([0-9a-f]{40}(, with changes)?|not recorded: a development build)/
        #expect(lines[1].wholeMatch(of: commit) != nil, "\(lines[1])")
        #expect(lines[2].wholeMatch(of: /build: -c (debug|release).*/) != nil, "\(lines[2])")
    }

    @Test(
        "--help after a command with a default subcommand lists the default's options and names the others",
        arguments: [
            ("assess", ["--images", "--protect", "assess merge"]),
            ("keyhold", ["--server", "--policy", "keyhold sign", "keyhold verify"]),
        ])
    func helpOfDefaults(_ command: String, _ parts: [String]) throws {
        let folder = try TemporaryFolder()
        for flag in ["--help", "-h"] {
            let outcome = try Program([command, flag], in: folder).wait()
            #expect(outcome.status == 0)
            for part in parts { #expect(outcome.output.contains(part), "\(part)") }
        }
    }

    @Test("--help lists every command once, in groups by role")
    func help() throws {
        let folder = try TemporaryFolder()
        // Its end removes what was printed.
        defer { withExtendedLifetime(folder) {} }
        let outcome = try Program(["--help"], in: folder).wait()
        #expect(outcome.status == 0)
        var groups: [(title: String, commands: [String])] = []
        for line in outcome.output.split(separator: "\n") {
            if let title = line.wholeMatch(of: /([A-Z]+) SUBCOMMANDS:/)?.output.1 {
                groups.append((String(title), []))
            } else if !groups.isEmpty, let command = line.firstMatch(of: /^  ([a-z]+) {2,}[A-Z]/)?.output.1 {
                groups[groups.count - 1].commands.append(String(command))
            }
        }
        let expected = [
            ("TRIAL", ["demo", "quickstart"]),
            ("MODEL", ["inspect", "run", "bench", "assess", "features", "partition"]),
            ("OWNER", ["keygen", "image", "measure", "policy", "provision", "keyhold"]),
            ("OPERATOR", ["serve", "load"]), ("CLIENT", ["attest", "classify", "proxy"]),
        ]
        #expect(groups.map(\.title) == expected.map(\.0), "\(outcome.output)")
        #expect(groups.map(\.commands) == expected.map(\.1), "\(outcome.output)")
        // None is outside the groups.
        #expect(!outcome.output.contains("\nSUBCOMMANDS:"))
    }
}
