// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence
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
        let table = page.components(separatedBy: "\n## ")[0]
        #expect(table.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init) == expected)
    }

    @Test("Every reason code belongs to a check, and every check can fail")
    func codes() {
        #expect(Set(Check.allCases.flatMap(\.codes)) == Set(ReasonCode.allCases))
        #expect(Check.allCases.allSatisfy { !$0.codes.isEmpty && !$0.summary.isEmpty })
    }

    @Test(
        "Every test that the pages on attestation and threats name exists",
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

    @Test("The schema and the policy reader have the same members")
    func schemaMembers() throws {
        let schema = try PolicySchema(Self.folder)
        #expect(schema.members("properties") == Policy.members)
        #expect(schema.members("properties", "skip", "properties") == Policy.skippable)
    }

    @Test("The schema and the reader accept and refuse the same policies")
    func schemaAgrees() throws {
        let schema = try PolicySchema(Self.folder)
        let key = String(repeating: "0f", count: 32)
        var members = [
            "\"ownerPublicKey\": \"\(key)\"", "\"manifestDigest\": \"\(key)\"",
            "\"developmentKey\": \"\(key)\"", "\"measurements\": {\"mrtd\": [\"00\", \"AB12\"]}", "\"productID\": 3",
            "\"minimumTCB\": {\"isvsvn\": 2}", "\"advisories\": [\"INTEL-SA-00615\"]",
            "\"minimumEvaluationDataNumber\": 19", "\"allowDebug\": true", "\"allowMigration\": false",
            "\"maximumVMPL\": 3", "\"flags\": {\"smt\": false}",
            "\"mitigations\": {\"launch\": [0, 63]}", "\"mitigations\": {\"current\": [5]}",
            "\"maximumAgeSeconds\": 300", "\"nonce\": \"00\"",
            "\"reportData\": \"ff\"", "\"skip\": {\"revocation\": \"a reason\"}", "\"skip\": {}",
            "\"everythingInside\": true", "\"pixelsOnly\": true", "\"maximumBoundaryBytes\": 400",
            "\"minimumSigma\": 0.5", "\"maximumSigma\": 1e2", "\"maximumLeaseSeconds\": 604800",
            "\"assessment\": {\"protects\": [\"class\", \"identity\"], \"attackerPictures\": 5000}",
            "\"assessment\": {\"gates\": \"strict\"}", "\"assessment\": {\"sha256\": \"\(key)\"}",
        ]
        members += TCBStatus.allCases.map { "\"tcbStatuses\": [\"\($0.rawValue)\"]" }
        members += Policy.skippable.sorted().map { "\"skip\": {\"\($0)\": \"a reason\"}" }
        members += [
            "\"everythingInside\": false", "\"pixelsOnly\": 1", "\"maximumBoundaryBytes\": -1",
            "\"minimumSigma\": -0.5", "\"maximumSigma\": \"1\"", "\"maximumLeaseSeconds\": 1.5",
            "\"assessment\": {}", "\"assessment\": {\"protects\": [\"x\"]}", "\"assessment\": {\"gates\": \"lax\"}",
            "\"assessment\": {\"passes\": true}",
            "\"productID\": -1", "\"productID\": 1.5", "\"maximumVMPL\": 4",
            "\"nonce\": \"0\"",
            "\"manifestDigest\": \"00\"", "\"measurements\": {}", "\"measurements\": {\"mrtd\": []}",
            "\"mitigations\": {}", "\"mitigations\": {\"launch\": []}", "\"mitigations\": {\"launch\": [64]}",
            "\"mitigations\": {\"current\": [1, 1]}", "\"mitigations\": {\"now\": [1]}",
            "\"minimumTCB\": {}", "\"flags\": {}", "\"flags\": {\"smt\": 1}", "\"skip\": {\"tee\": \"a reason\"}",
            "\"skip\": {\"flags\": \"\"}", "\"unknown\": 1", "\"allowDebug\": \"yes\"",
            "\"tcbStatuses\": [\"Fine\"]", "\"advisories\": [1]",
        ]
        var policies = members.map { "{\"version\": 2, \"tee\": [\"tdx\"], \($0)}" }
        policies += TEEKind.allCases.map { "{\"version\": 2, \"tee\": [\"\($0.rawValue)\"]}" }
        policies += ["1", "3", "2.5", "\"2\""].map { "{\"version\": \($0), \"tee\": [\"tdx\"]}" }
        policies += ["\"sgx\"", "[]", "[\"trustzone\"]"].map { "{\"version\": 2, \"tee\": \($0)}" }
        policies += ["{}", "{\"version\": 2}", "{\"tee\": [\"tdx\"]}", "[]"]
        var accepted = 0
        for policy in policies {
            let isRead = (try? Policy(json: Array(policy.utf8))) != nil
            #expect(try schema.accepts(policy) == isRead, "\(policy)")
            accepted += isRead ? 1 : 0
        }
        #expect(accepted > 30 && policies.count - accepted > 20)
    }

    @Test("Every policy in the documentation is valid")
    func policiesOfPages() throws {
        let schema = try PolicySchema(Self.folder)
        var count = 0
        for page in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) where page.hasSuffix(".md") {
            let text = try String(contentsOf: Self.folder.appendingPathComponent(page), encoding: .utf8)
            for block in text.matches(of: /```json\n((?:[^`]|`[^`])*)```/) where block.1.contains("\"tee\"") {
                // Values that a reader fills in are written as dots.
                let policy = String(block.1).replacing(/"…[^"]*…"/, with: "\"\(String(repeating: "0f", count: 32))\"")
                #expect(throws: Never.self, "\(page)") { try Policy(json: Array(policy.utf8)) }
                #expect(try schema.accepts(policy), "\(page)")
                count += 1
            }
        }
        #expect(count > 0)
    }
}
