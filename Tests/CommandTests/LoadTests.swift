// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("The load command")
struct LoadTests {
    private static let hasPython = ["/usr/bin/python3", "/usr/local/bin/python3"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    private func report(_ deployment: Deployment, _ server: Server, _ options: [String]) throws -> [String: Any] {
        let outcome = try succeed(
            [
                "load", "--server", server.url, "--policy", deployment.policy, "--tee", "development", "--token",
                deployment.token, "--warm-up", "0", "--json",
            ] + options, in: deployment.folder)
        guard let report = outcome.json as? [String: Any] else { throw Unexpected(outcome.output) }
        return report
    }

    private func count(_ name: String, _ report: [String: Any]) -> Int {
        (report[name] as? [String: Int] ?? [:]).values.reduce(0, +)
    }

    @Test("Closed-loop and open-loop connections get answers, and the reported numbers are consistent")
    func loops() throws {
        let deployment = try Deployment(cuts: Demo.everythingInside, in: try TemporaryFolder())
        let server = try Server(deployment)
        try succeed(
            deployment.provisionArguments(server.url) + ["--requests", "1000000", "--per-minute", "1000000"],
            in: deployment.folder)
        let closed = try report(deployment, server, ["--connections", "4", "--seconds", "1", "--seal-before", "5"])
        let answered = try #require(closed["answered"] as? Int)
        #expect(answered > 0 && count("failures", closed) == 0 && count("refusals", closed) == 0)
        let times = try #require(closed["milliseconds"] as? [String: Double])
        #expect(times["p50", default: 0] > 0 && times["p50", default: 0] <= times["p99", default: 0])
        #expect(times["p99", default: 0] <= times["longest", default: 0])
        // A rate that any machine can serve, so every due request is answered.
        let open = try report(
            deployment, server, ["--connections", "4", "--seconds", "3", "--rate", "4", "--seed", "7"])
        #expect(count("failures", open) == 0 && (1...30).contains(open["answered"] as? Int ?? 0))
        let served = try server.metric("answers_total")
        #expect(Int(served) >= answered + (open["answered"] as? Int ?? 0))
    }

    @Test("Requests over the server's capacity are refused at once with a retry time, and counted separately")
    func refusals() throws {
        let deployment = try Deployment(cuts: Demo.everythingInside, in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--maximum-waiting", "1"])
        try succeed(
            deployment.provisionArguments(server.url) + ["--requests", "1000000", "--per-minute", "1000000"],
            in: deployment.folder)
        let report = try report(deployment, server, ["--connections", "16", "--seconds", "2"])
        #expect(report["answered"] as? Int ?? 0 > 0 && count("failures", report) == 0)
        #expect((report["refusals"] as? [String: Int])?.keys.sorted() == ["overloaded"])
        #expect(report["refusedWithoutRetryAfter"] as? Int == 0)
    }

    @Test(
        "The harness measures, and writes its results as JSON, a table and a plot",
        .enabled(if: hasPython != nil, "there is no Python 3"))
    func harness() throws {
        let folder = try TemporaryFolder()
        let script = URL(filePath: Demo.folder).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Benchmarks/serving/measure.py").path
        let outcome = try Program(
            [
                "-B", script, "--short", "--program", Program.products + "/infenclave", "--model", Demo.model,
                "--ours", "default", "2x1", "--connections", "2", "--overload", "6", "--out", folder.file("results"),
            ], in: folder, executable: Self.hasPython ?? ""
        ).wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        let results = try Data(contentsOf: URL(filePath: folder.file("results/serving.json")))
        let json = try #require(try JSONSerialization.jsonObject(with: results) as? [String: Any])
        let model = try #require((json["models"] as? [[String: Any]])?.first)
        #expect((model["rows"] as? [[String: Any]])?.count == 2)
        let overload = try #require(model["overload"] as? [String: Any])
        #expect((overload["memoryMiB"] as? [Double])?.isEmpty == false)
        let table = try String(contentsOfFile: folder.file("results/serving.md"), encoding: .utf8)
        #expect(
            table.contains("| classifier | infenclave default | 2 |") && table.contains("at twice what it can take"))
        let plot = try String(contentsOfFile: folder.file("results/serving.svg"), encoding: .utf8)
        #expect(plot.hasPrefix("<svg ") && plot.hasSuffix("</svg>\n") && plot.contains("infenclave default"))
    }
}
