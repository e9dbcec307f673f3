// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// Text in Prometheus' format, read strictly.
private struct Exposition {
    /// Values by name and labels.
    private(set) var samples: [String: Double] = [:]
    private(set) var types: [String: String] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Unexpected("the last line has no end") }
        var family = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if words[0] == "#" {
                guard words.count == 4, words[1] == "HELP" || words[2] == family else { throw Unexpected("\(line)") }
                family = words[2]
                if words[1] == "TYPE" { types[family] = words[3] }
                continue
            }
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]),
                line.hasPrefix(family), samples[String(line[..<space])] == nil
            else { throw Unexpected("\(line) after \(family)") }
            samples[String(line[..<space])] = value
        }
    }
}

@Suite("Request metrics for operators", .serialized)
struct MetricsTests {
    private static let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    private func metrics(_ server: Server) throws -> String {
        String(decoding: try server.getAsOperator("/metrics").body, as: UTF8.self)
    }

    @Test("Each stage of a request has a histogram whose buckets add up, and answers are counted by path and status")
    func stages() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        _ = try deployment.classify(server.url, Demo.clients.map(\.0))
        let exposition = try Exposition(
            try metrics(server).replacing(/{model="[^"]*"}/, with: "").replacing(/model="[^"]*",/, with: ""))
        #expect(exposition.types["infenclave_stage_seconds"] == "histogram")
        for stage in ["admission", "enclave", "queue", "backnet"] {
            let buckets = exposition.samples.filter {
                $0.key.hasPrefix("infenclave_stage_seconds_bucket{stage=\"\(stage)\",le=")
            }
            #expect(buckets.count == 17)
            #expect(buckets["infenclave_stage_seconds_bucket{stage=\"\(stage)\",le=\"+Inf\"}"] == 3)
            #expect(exposition.samples["infenclave_stage_seconds_count{stage=\"\(stage)\"}"] == 3)
        }
        #expect(exposition.samples["infenclave_answer_seconds_count"] == 3)
        #expect(exposition.samples["infenclave_http_answers_total{endpoint=\"ohttp\",status=\"200\"}"] == 3)
        #expect(exposition.samples["infenclave_state{state=\"ready\"}"] == 1)
        #expect(exposition.samples.keys.contains { $0.hasPrefix("infenclave_build_info{version=") })
    }

    @Test("promtool reports no problem with the metrics", .enabled(if: promtool != nil, "there is no promtool"))
    func valid() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let server = try Server(provisioned: deployment)
        _ = try deployment.classify(server.url, [Demo.clients[0].0])
        _ = try server.post("/ohttp", [1, 2, 3], type: "text/plain")
        try Data(try metrics(server).utf8).write(to: URL(filePath: folder.file("metrics.txt")))
        let check = try Program(
            ["-c", "\(Self.promtool ?? "") check metrics < \(folder.file("metrics.txt"))"], in: folder,
            executable: "/bin/sh"
        ).wait()
        #expect(check.status == 0 && check.output.isEmpty && check.errors.isEmpty, "\(check.errors)\(check.output)")
    }

    @Test("Neither metrics nor log depend on a picture's content or class")
    func independence() throws {
        /// Everything but times, and the memory of the host, which has no picture.
        func seen(_ picture: String) throws -> (metrics: [String], log: [String]) {
            let deployment = try Deployment(in: try TemporaryFolder())
            let server = try Server(provisioned: deployment, options: ["--log-format", "json", "--log-level", "debug"])
            for _ in 0..<3 { _ = try deployment.classify(server.url, [picture]) }
            // Each deployment has a bundle of its own.
            let text = try metrics(server).replacing(/manifest="[0-9a-f]{64}"/, with: "")
            let times = [
                "seconds_bucket", "seconds_sum", "seconds_total", "lease_remaining", "process_start_time",
                "process_resident_memory",
            ]
            let lines = text.split(separator: "\n").map(String.init).filter { line in
                !times.contains { line.contains($0) } || line.contains("le=\"+Inf\"")
            }
            #expect(try server.stop().status == 0)
            let log = try server.program.errors.split(separator: "\n").map { line in
                guard var object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                    throw Unexpected("\(line)")
                }
                for name in ["time", "ms", "request"] { object[name] = nil }
                let message = object["message"] as? String ?? ""
                object["message"] = message.contains(" at http://") ? "address" : message
                return String(
                    decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
            }
            return (lines, log)
        }
        let one = try seen(Demo.clients[0].0)
        let other = try seen(Demo.clients[2].0)
        #expect(one.metrics.count > 50 && one.metrics == other.metrics)
        #expect(one.log.filter { $0.contains("\"ohttp\"") }.count == 3 && one.log == other.log)
    }
}
