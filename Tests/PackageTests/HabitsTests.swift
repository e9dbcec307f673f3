// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Rules of CONTRIBUTING.md that no compiler checks.
@Suite("Repository conventions")
struct HabitsTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOf: packageRoot().appending(path: path), encoding: .utf8)
    }

    /// Paths from the root of files below a folder, without generated, foreign and built ones.
    private static func files(_ folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: packageRoot().appending(path: folder).path)
            .map { "\(folder)/\($0)" }
            .filter { path in
                ["/Generated/", "/Fixtures/", "/.build/", "/.venv/", "/node_modules/", "/__pycache__/"]
                    .allSatisfy { !path.contains($0) }
            }
    }

    @Test("Scripts, non-Swift code and configurations state their licence")
    func licences() throws {
        var (count, faults) = (0, [String]())
        for folder in ["scripts", ".ci", "Benchmarks", "Clients", "Evaluation", "Examples", "Sources", "Tests"] {
            for path in try Self.files(folder) {
                let isCode = Self.codeSuffixes.contains { path.hasSuffix($0) }
                var isFolder: ObjCBool = false
                _ = FileManager.default.fileExists(
                    atPath: packageRoot().appending(path: path).path, isDirectory: &isFolder)
                guard isCode || ["scripts", ".ci"].contains(folder), !isFolder.boolValue,
                    let text = try? Self.text(path)
                else { continue }
                count += 1
                if !text.split(separator: "\n").prefix(3).contains(where: { $0.contains(Self.licence) }) {
                    faults.append(path)
                }
            }
        }
        #expect(count > 90)
        #expect(faults.isEmpty, "\(faults)")
        #expect(try Self.text("Makefile").hasPrefix("# \(Self.licence)\n"))
    }

    private static let codeSuffixes = [
        ".py", ".js", ".ts", ".css", ".html", ".toml", ".sh", ".cfg", ".conf", ".service", ".socket", ".Dockerfile",
        ".proto", ".tpl", ".yaml", ".yml", "requirements.txt",
    ]
    private static let licence = "SPDX-License-Identifier: Apache-2.0"

    @Test("Every change to code that the enclave links needs a review by its owners")
    func owners() throws {
        let owned = try Self.text(".github/CODEOWNERS").split(separator: "\n").filter { $0.hasPrefix("/") }
            .compactMap { $0.split(separator: " ").first.map { String($0.dropFirst()) } }
        for path in owned {
            #expect(FileManager.default.fileExists(atPath: packageRoot().appending(path: path).path), "\(path)")
        }
        let description = try describePackage(withGRPC: false)
        let linked = description.reached(from: ["infenclave-enclave"])
        let paths = description.targets.filter { linked.contains($0.name) }.compactMap(\.path)
        #expect(paths.count > 15)
        for path in paths { #expect(owned.contains { "\(path)/".hasPrefix($0) }, "\(path)") }
        // What decides which code is built, checked and reviewed, and what is claimed of it.
        for path in [
            "Package.swift", "Makefile", "Tests/PackageTests/", ".github/", ".ci/", "Clients/python/", "SECURITY.md",
            "Documentation/threat-model.md", "Documentation/assurance-case.md",
        ] { #expect(owned.contains(path), "\(path)") }
    }

    @Test("The issue forms link to the private form for vulnerabilities")
    func privateReports() throws {
        let form = try Self.text(".github/ISSUE_TEMPLATE/config.yml")
        #expect(form.contains("blank_issues_enabled: false"))
        #expect(form.contains("contact_links:") && form.contains("/security/advisories/new"))
    }

    @Test("Every make target that a page names is in the Makefile, which declares all of its targets as phony")
    func targets() throws {
        let makefile = try Self.text("Makefile")
        let targets = Set(makefile.matches(of: /(?m)^([a-z][a-z0-9-]*):/).map { String($0.output.1) })
        let phony = try #require(makefile.firstMatch(of: /(?m)^\.PHONY: (.*)$/)).output.1
        #expect(targets == Set(phony.split(separator: " ").map(String.init)))
        let pages =
            try Self.files("Documentation").filter { $0.hasSuffix(".md") }
            + ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", ".github/PULL_REQUEST_TEMPLATE.md"]
        var count = 0
        for page in pages {
            // In a line of code, or at the start of a line of a console.
            for match in try Self.text(page).matches(of: /(?m)(?:`|^)make ([a-z][a-z0-9-]*)/) {
                count += 1
                #expect(targets.contains(String(match.output.1)), "\(page): make \(match.output.1)")
            }
        }
        #expect(count > 100)
    }

    @Test("The help of every option names its value, such as FILE or N, unless it lists the values")
    func values() throws {
        let listed: Set = ["adversary", "kind", "security", "transport"]
        var count = 0
        for path in try Self.files("Sources") where path.hasSuffix(".swift") {
            for match in try Self.text(path).matches(of: /@Option\(((?s:.)*?)\bvar\s+([a-zA-Z0-9]+)/) {
                count += 1
                let (help, name) = (match.output.1, String(match.output.2))
                #expect(help.contains("valueName:") || listed.contains(name), "\(path): \(name)")
            }
        }
        #expect(count > 150)
    }

    @Test("The decision on threads lists each file that starts a thread or a queue, with its purpose")
    func threads() throws {
        let starts = ["DispatchQueue(", "DispatchQueue.global", "pthread_create(", " Thread {", "detachNewThread"]
        // Where the function has another name than its file.
        let names = ["Command": "onOwnThread"]
        var found: Set<String> = []
        for path in try Self.files("Sources") where path.hasSuffix(".swift") || path.hasSuffix(".c") {
            let text = try Self.text(path)
            let isStart = text.split(separator: "\n").contains { line in
                !line.drop { $0 == " " }.hasPrefix("//") && starts.contains { line.contains($0) }
            }
            let file = URL(filePath: path).deletingPathExtension().lastPathComponent
            if isStart { found.insert(names[file] ?? file) }
        }
        let decision = try Self.text("Documentation/decisions/0006-kept-apart.md")
        let rules = try Self.text("CONTRIBUTING.md")
        let section = try #require(decision.split(separator: "\n- *").first { $0.hasPrefix("Threads.*") })
        let named = section.matches(of: /(?m)^  \| (`[^|]*) \|/).map(\.output.1).joined(separator: " ")
            .matches(of: /`([A-Za-z]+)`/).map { String($0.output.1) }
        #expect(found == Set(named))
        for name in found { #expect(rules.contains("`\(name)`"), "\(name)") }
    }

    @Test("The decision on byte readers lists each reader, with the reason why it is separate")
    func readers() throws {
        let decision = try Self.text("Documentation/decisions/0006-kept-apart.md")
        // Reads lines of text.
        var found: Set<String> = ["LogReader"]
        for path in try Self.files("Sources") where path.hasSuffix(".swift") {
            for match in try Self.text(path).matches(of: /struct ([A-Za-z]*Reader|[A-Za-z]*EndianBytes)\b/) {
                let (name, file) = (String(match.output.1), URL(filePath: path).deletingPathExtension())
                let isNew = found.insert(name).inserted
                guard name != "LogReader" else { continue }
                let row = isNew ? "`\(name)`" : "`\(name)` of `\(file.lastPathComponent)`"
                #expect(decision.contains(row), "\(path): \(name)")
            }
        }
        #expect(found.count > 6)
    }
}
