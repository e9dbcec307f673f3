import Foundation
import Testing

/// What pages name has to exist: tests that are said to show something, files, and options of commands.
@Suite("What the pages name")
struct PagesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The pages in English, by their path.
    private static func pages() throws -> [(path: String, text: String)] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: "Documentation").path)
            .filter { $0.hasSuffix(".md") }.map { "Documentation/\($0)" }
        return try (names.sorted() + ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"]).map {
            ($0, try String(contentsOf: root.appending(path: $0), encoding: .utf8))
        }
    }

    private static func sources(_ folder: String, _ suffixes: Set<String>) throws -> String {
        let base = root.appending(path: folder)
        let names = try FileManager.default.subpathsOfDirectory(atPath: base.path)
        return try names.filter { suffixes.contains(URL(filePath: $0).pathExtension) }.map {
            try String(contentsOf: base.appending(path: $0), encoding: .utf8)
        }.joined(separator: "\n")
    }

    @Test("Every sentence in quotation marks in the security pages is the name of a test")
    func testNames() throws {
        let tests = try Self.sources("Tests", ["swift"])
        let names = Set(tests.matches(of: /@(?:Test|Suite)\(\s*"([^"\\]*)"/).map { String($0.output.1) })
        #expect(names.count > 500)
        var quoted = 0
        for page in try Self.pages() where Self.securityPages.contains(page.path) {
            let prose = page.text.replacing(/(?s)```.*?```/, with: "").replacing(/`[^`\n]*`/, with: "")
                .replacing("\n", with: " ")
            for match in prose.matches(of: /"([A-Z][^"]{24,})"/) {
                quoted += 1
                #expect(names.contains(String(match.output.1)), "\(page.path): \"\(match.output.1)\"")
            }
        }
        #expect(quoted > 80)
    }

    private static let securityPages: Set = [
        "Documentation/threat-model.md", "Documentation/assurance-case.md", "Documentation/what-attestation-proves.md",
        "Documentation/attestation-checks.md", "Documentation/operating.md", "Documentation/deploying.md",
        "Documentation/clients.md", "Documentation/engines.md", "Documentation/images.md",
    ]

    @Test("Every relative link of a page leads to a file, and to a heading where it names one")
    func links() throws {
        var count = 0
        for page in try Self.pages() {
            let folder = Self.root.appending(path: page.path).deletingLastPathComponent()
            for match in page.text.matches(of: /\]\(([^)\s]+)\)/) {
                let target = String(match.output.1)
                guard !target.contains("://") else { continue }
                count += 1
                let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let file =
                    parts[0].isEmpty ? Self.root.appending(path: page.path) : folder.appending(path: String(parts[0]))
                guard FileManager.default.fileExists(atPath: file.path) else {
                    Issue.record("\(page.path): \(target)")
                    continue
                }
                guard parts.count == 2, file.pathExtension == "md" else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                #expect(Self.anchors(of: text).contains(String(parts[1])), "\(page.path): \(target)")
            }
        }
        #expect(count > 100)
    }

    /// Of each heading, as GitHub makes them.
    private static func anchors(of page: String) -> Set<String> {
        Set(
            page.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
                String(
                    line.drop { $0 == "#" || $0 == " " }.lowercased().compactMap { character -> Character? in
                        if character == " " { return "-" }
                        return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
                    })
            })
    }

    @Test("Every option that a page gives to a command of infenclave is one that some command has")
    func options() throws {
        let code = try Self.sources("Sources", ["swift"])
        var options: Set<String> = ["help", "version", "generate-completion-script", "grpc"]
        // The parser makes an option of each property that it wraps.
        for match in code.matches(of: /@(?:Option|Flag)\b(?s:.){0,900}?\bvar\s+(?:\n\s*)?([a-zA-Z0-9]+)/) {
            options.insert(Self.kebab(String(match.output.1)))
        }
        for match in code.matches(of: /"--([a-z][a-z0-9-]*)/) { options.insert(String(match.output.1)) }
        for match in code.matches(of: /\.customLong\("([a-z0-9-]+)"/) { options.insert(String(match.output.1)) }
        var count = 0
        for page in try Self.pages() {
            let joined = page.text.replacing("\\\n", with: " ")
            for line in joined.split(separator: "\n") {
                for command in line.matches(of: /infenclave(?:-enclave|-proxy)? [a-z][^`|;&]*/) {
                    for option in command.output.matches(of: /\s--([a-z][a-z0-9-]*)/) {
                        count += 1
                        let name = String(option.output.1)
                        #expect(options.contains(name), "\(page.path): --\(name)")
                    }
                }
            }
        }
        #expect(count > 100)
    }

    private static func kebab(_ name: String) -> String {
        var text = ""
        var previous: Character = "A"
        for character in name {
            // A run of capitals is one word: minimumTCB.
            if character.isUppercase, !previous.isUppercase { text += "-" }
            text += character.lowercased()
            previous = character
        }
        return text
    }
}
