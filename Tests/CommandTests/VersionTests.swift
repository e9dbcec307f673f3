// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite("The version")
struct VersionTests {
    @Test(
        "--version prints the version, and says of what commit and how the program was built, or that it was not told")
    func version() throws {
        let folder = try TemporaryFolder()
        let outcome = try Program(["--version"], in: folder).wait(seconds: 60)
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        try #require(lines.count >= 3, "\(outcome.output)")
        #expect(lines[0].wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+/) != nil, "\(lines[0])")
        let commit = /commit: ([0-9a-f]{40}(, with changes)?|not recorded: a development build)/
        #expect(lines[1].wholeMatch(of: commit) != nil, "\(lines[1])")
        #expect(lines[2].wholeMatch(of: /build: -c (debug|release).*/) != nil, "\(lines[2])")
    }
}
