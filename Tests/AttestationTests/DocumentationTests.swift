import Attestation
import Foundation
import Testing

/// The documentation names what programs rely on; it has to say what the code does.
@Suite("Documentation of attestation")
struct DocumentationTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Documentation")

    @Test("The page of checks lists every check with its meaning and codes, and nothing else")
    func checks() throws {
        let page = try String(contentsOf: Self.folder.appendingPathComponent("attestation-checks.md"), encoding: .utf8)
        let expected = Check.allCases.map { check in
            "| `\(check.rawValue)` | \(check.summary) | "
                + check.codes.map { "`\($0.rawValue)`" }.joined(separator: ", ") + " |"
        }
        #expect(page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init) == expected)
    }

    @Test("Every reason code belongs to a check, and every check can fail")
    func codes() {
        #expect(Set(Check.allCases.flatMap(\.codes)) == Set(ReasonCode.allCases))
        #expect(Check.allCases.allSatisfy { !$0.codes.isEmpty && !$0.summary.isEmpty })
    }

    @Test(
        "Every test that a page of attestation or threats names is there",
        arguments: ["what-attestation-proves", "threat-model"])
    func testNames(_ page: String) throws {
        let text = try String(contentsOf: Self.folder.appendingPathComponent("\(page).md"), encoding: .utf8)
        let tests = Self.folder.deletingLastPathComponent().appendingPathComponent("Tests")
        var names: Set<String> = []
        let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let source = try String(contentsOf: file, encoding: .utf8)
            for match in source.matches(of: /@Test\(\s*"((?:[^"\\]|\\.)*)"/) { names.insert(String(match.1)) }
        }
        // In a table's last column names of tests stand in quotation marks.
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("|") }
        let named = rows.flatMap { row in
            row.split(separator: "|").suffix(1).flatMap { $0.matches(of: /"([^"]+)"/).map { String($0.1) } }
        }
        #expect(named.count > 15)
        for name in named { #expect(names.contains(name), "\(name)") }
    }

    @Test("The schema has the members that policies are read by")
    func schema() throws {
        struct Schema: Decodable {
            struct Member: Decodable { let properties: [String: Member]? }
            let properties: [String: Member]
        }
        let json = try Data(contentsOf: Self.folder.appendingPathComponent("policy.schema.json"))
        let schema = try JSONDecoder().decode(Schema.self, from: json)
        #expect(Set(schema.properties.keys) == Policy.members)
        #expect(Set((schema.properties["skip"]?.properties ?? [:]).keys) == Policy.skippable)
    }
}
