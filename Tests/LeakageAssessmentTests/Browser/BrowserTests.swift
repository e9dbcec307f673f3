// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import TestSupport
import Testing

/// The report in headless Chromium, by `check.py`: nothing overflows, no labels overlap, contrast, stepping, paper, layout.
///
/// Skipped where there is no Chromium or no Python 3; `make report-check` says what is missing.
@Suite(
    "Report in a browser", .serialized, .enabled(if: Browser.found != nil, "no chromium or python3 in PATH: skipped"))
struct BrowserTests {
    @Test(
        "A report of twenty cuts with long names is readable on a screen, on a phone, in dark mode and in print",
        .timeLimit(.minutes(60)))
    func layout() throws {
        let said = try Browser.check(ReportPage.html(of: LongReport.result()), keeps: true)
        #expect(said == "")
    }

    @Test(
        "Faulty pages are detected: too wide, low contrast, unreachable cuts, overlaps, print style, dark mode",
        .timeLimit(.minutes(60)),
        arguments: [
            ("max-width:1180px", "min-width:1400px", "the page is 1400 wide"),
            ("--soft:#566069", "--soft:#b0b6bb", "has contrast"),
            ("#cut3:checked~#panel3{display:grid}", "", "after 3 presses"),
            ("rotate(-50 ", "rotate(0 ", "overlap"),
            ("@media screen and (max-width:820px)", "@media (max-width:820px)", "paper: the page is"),
            ("(prefers-color-scheme:dark)", "(prefers-color-scheme:none)", "the schemes are"),
        ])
    func damage(part: String, replacement: String, complaint: String) throws {
        let page = try ReportPage.html(of: LongReport.result())
        #expect(page.contains(part))
        let said = try Browser.check(page.replacingOccurrences(of: part, with: replacement), keeps: false)
        #expect(said.contains(complaint), "\(said)")
    }
}

enum Browser {
    /// The path of Chromium, where Python 3 is there too.
    static let found: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        func path(_ name: String) -> String? {
            folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }
        guard path("python3") != nil else { return nil }
        return ["chromium", "chromium-browser", "google-chrome"].lazy.compactMap(path).first
    }()

    /// The faults that `check.py` finds on the page; empty if there are none.
    ///
    /// - Parameter keeps: Page, screenshots and PDF stay where `INFENCLAVE_REPORT_PICTURES` names a folder. Without it there are no
    ///   screenshots, and the page is not compared with `layout.json`.
    static func check(_ html: String, keeps: Bool) throws -> String {
        let browser = try #require(found)
        let kept =
            keeps ? ProcessInfo.processInfo.environment["INFENCLAVE_REPORT_PICTURES"].map { URL(filePath: $0) } : nil
        let folder = kept ?? FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { if kept == nil { try? FileManager.default.removeItem(at: folder) } }
        let page = folder.appending(path: "report.html")
        try Data(html.utf8).write(to: page)
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "check.py")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["python3", script.path, page.path, "--chromium", browser]
            + (keeps ? ["--pictures", folder.path] : ["--any-report"])
        (process.standardOutput, process.standardError) = (output, output)
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let text = String(decoding: said, as: UTF8.self)
        return process.terminationStatus == 0 || !text.isEmpty ? text : "check.py ended without a word"
    }
}
