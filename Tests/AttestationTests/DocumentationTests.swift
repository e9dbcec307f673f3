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
