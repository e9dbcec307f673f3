import AssessmentReport
import Foundation
import LeakageAssessment
import TestSupport
import Testing

/// The report in headless Chromium, by `check.py`: nothing overflows, no labels overlap, contrast, stepping, paper, layout.
///
/// Skipped where there is no Chromium or no Python 3; `make report-check` says what is missing.
@Suite("Report in a browser", .enabled(if: Browser.found != nil, "no chromium or python3 in PATH: skipped"))
struct BrowserTests {
    @Test(
        "A report of twenty cuts with long names reads well on a screen, a phone, in the dark and on paper",
        .timeLimit(.minutes(3)))
    func layout() throws {
        let browser = try #require(Browser.found)
        // Page, screenshots and PDF stay where this names a folder.
        let kept = ProcessInfo.processInfo.environment["INFENCLAVE_REPORT_PICTURES"].map { URL(filePath: $0) }
        let folder = kept ?? FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { if kept == nil { try? FileManager.default.removeItem(at: folder) } }
        let page = folder.appending(path: "report.html")
        try Data(ReportPage.html(of: LongReport.result()).utf8).write(to: page)
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "check.py")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", script.path, page.path, "--chromium", browser, "--pictures", folder.path]
        (process.standardOutput, process.standardError) = (output, output)
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
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
}
