// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

@Suite("HTML report")
struct ReportTests {
    private func result(named name: String = "tiny") throws -> AssessmentResult {
        try Measured.result(
            Measured.cuts([
                ("relu1", 0.9, (1, 2)), ("pool1", 0.6, (1.5, 2)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil),
            ]),
            name: name, warnings: ["a warning about \(name)"])
    }

    @Test("The same result always gives the same bytes")
    func deterministic() throws {
        let (first, second) = (try AssessmentReport.contents(of: result()), try AssessmentReport.contents(of: result()))
        #expect(first.map(\.name) == AssessmentReport.fileNames)
        #expect(first.map(\.data) == second.map(\.data))
    }

    @Test("Text from models, files and errors cannot become markup")
    func escaping() throws {
        let hostile = "<script>alert('1')</script>\"&\u{202E}\u{7}"
        let page = try ReportPage.html(of: result(named: hostile))
        #expect(!page.contains("<script"))
        #expect(!page.contains("alert('1')"))
        #expect(!page.contains("\u{202E}") && !page.contains("\u{7}"))
        #expect(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"))
    }

    @Test("The page loads no resource and runs no script")
    func selfContained() throws {
        let page = try ReportPage.html(of: result())
        for forbidden in ["http://", "https://", "url(", "<script", "<link", "@import", "src=\"/", "onload"] {
            #expect(!page.contains(forbidden), "\(forbidden)")
        }
        #expect(page.contains("src=\"data:image/png;base64,"))
        #expect(page.contains("prefers-color-scheme:dark") && page.contains("@media print"))
    }

    @Test("Every cut of every picture is reachable without a script, and some are printed")
    func stepping() throws {
        let page = try ReportPage.html(of: result())
        for index in 0..<4 {
            #expect(
                page.contains("id=\"cut\(index)\"")
                    && page.contains("#cut\(index):checked~#panel\(index){display:grid}"))
        }
        #expect(page.components(separatedBy: "type=\"radio\"").count == 5)
        #expect(page.components(separatedBy: " checked aria-label").count == 2)
        #expect(page.contains("class=\"panel printed\""))
    }

    @Test("The page is well-formed: every opened element is closed in order")
    func wellFormed() throws {
        let page = try ReportPage.html(of: result())
        let empty: Set<String> = ["meta", "img", "br", "input", "!doctype"]
        var open: [String] = []
        for part in page.split(separator: "<").dropFirst() {
            let element = part.prefix { $0 != ">" }
            let name = element.prefix { $0 != " " && $0 != "\n" }
            if name.first == "/" {
                #expect(open.popLast() == String(name.dropFirst()))
            } else if element.last != "/", !empty.contains(name.lowercased()) {
                open.append(String(name))
            }
        }
        #expect(open.isEmpty)
    }

    @Test("assessment.json has the documented members, with null where the KL does not apply")
    func members() throws {
        let data = Data(AssessmentJSON.text(of: try result()).utf8)
        let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect((document["model"] as? [String: Any])?["sha256"] as? String == String(repeating: "0a", count: 32))
        #expect(document["images"] as? Int == 60)
        #expect(document["seed"] as? Int == 1)
        #expect(document["baselineMean"] as? Double == 2)
        let cuts = try #require(document["cuts"] as? [[String: Any]])
        #expect(cuts.count == 4)
        let keys = [
            "name", "klMean", "klMedian", "klPassFraction", "klNullMean", "klAUC", "klAUCError", "klAUCPooled",
            "klTop1",
            "klCandidates", "klPassFractionLower", "ssimGainError", "retrievalTop1Upper", "decoderKLRatioError", "r2",
            "ssim", "ssimOfMean",
            "retrievalTop1", "reconstruction",
        ]
        for cut in cuts { for key in keys { #expect(cut[key] != nil, "\(key)") } }
        #expect(cuts[0]["klApplicable"] as? Bool == true)
        #expect(cuts[3]["klApplicable"] as? Bool == false)
        #expect(cuts[3]["klMean"] is NSNull)
        let recommendation = try #require(document["recommendation"] as? [String: Any])
        for key in ["front", "mapping", "rule", "reason"] { #expect(recommendation[key] is String) }
        #expect((document["paperRule"] as? [String: Any])?["front"] as? String == "relu2")
    }

    @Test("The plan contains the digests of the model and of assessment.json")
    func planDigests() throws {
        let files = try AssessmentReport.contents(of: result())
        let plan = try PartitionPlan(decoding: files[1].data)
        #expect(plan.front == "relu2" && plan.mapping == "logits")
        #expect(plan.modelSHA256 == String(repeating: "0a", count: 32))
        #expect(plan.assessmentSHA256.count == 64)
    }

    @Test("The folder appears atomically, and replaces an earlier assessment but nothing else")
    func folder() throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "assessment-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: parent) }
        let out = parent.appending(path: "out").path()
        try AssessmentReport.write(result(), to: out)
        try AssessmentReport.write(result(), to: out)
        #expect(try FileManager.default.contentsOfDirectory(atPath: out).sorted() == AssessmentReport.fileNames)
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path()) == ["out"])

        try Data("mine".utf8).write(to: parent.appending(path: "out/notes.txt"))
        let error = #expect(throws: AssessmentError.self) { try AssessmentReport.write(result(), to: out) }
        #expect(error?.message.contains("notes.txt") == true)
        #expect(throws: AssessmentError.self) { try AssessmentReport.checkWritable(out + "/notes.txt") }
        #expect(throws: AssessmentError.self) { try AssessmentReport.checkWritable(parent.path() + "/no/such") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path()) == ["out"])
    }
}
