// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("The metrics dashboard and alerts")
struct DashboardTests {
    private static let examples = URL(filePath: Demo.folder).deletingLastPathComponent()
    private static let rules = examples.appending(path: "prometheus/infenclave.rules.yml").path
    private static let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// The metrics of a server with everything configured: engines, and a collector of traces, none of which exists.
    private func exposed() throws -> Set<String> {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(
            deployment, options: ["--backnet", "oip+http://127.0.0.1:1/model", "--otlp", "http://127.0.0.1:1"])
        let text = String(decoding: try server.getAsOperator("/metrics").body, as: UTF8.self)
        var names: Set<String> = []
        for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
            let words = line.split(separator: " ")
            let name = String(words[2])
            if words[3] == "histogram" {
                names.formUnion(["_bucket", "_sum", "_count"].map { name + $0 })
            } else {
                names.insert(name)
            }
        }
        return names
    }

    private func named(in text: String) -> Set<String> {
        Set(text.matches(of: /infenclave_[a-z_]+[a-z]/).map { String($0.output) })
    }

    @Test("The dashboard and the alerts use only metrics of the server, and the dashboard uses all of them")
    func names() throws {
        let exposed = try exposed()
        #expect(exposed.count > 25)
        let dashboard = try Data(contentsOf: Self.examples.appending(path: "grafana/infenclave.json"))
        let board = try #require(try JSONSerialization.jsonObject(with: dashboard) as? [String: Any])
        let panels = try #require(board["panels"] as? [[String: Any]])
        var inQueries: Set<String> = []
        for panel in panels {
            for target in panel["targets"] as? [[String: Any]] ?? [] {
                let query = try #require(target["expr"] as? String)
                let names = named(in: query)
                #expect(!names.isEmpty && names.isSubset(of: exposed), "\(query)")
                inQueries.formUnion(names)
            }
        }
        // A panel for each, of histograms one of their series.
        let families = Set(exposed.map { $0.replacing(/_(bucket|sum|count)$/, with: "") })
        #expect(families.isSubset(of: Set(inQueries.map { $0.replacing(/_(bucket|sum|count)$/, with: "") })))
        let alerts = try String(contentsOfFile: Self.rules, encoding: .utf8)
        let expressions = alerts.split(separator: "\n").filter { $0.contains("expr: ") }
        #expect(expressions.count > 8)
        for expression in expressions {
            let names = named(in: String(expression))
            #expect(!names.isEmpty && names.isSubset(of: exposed), "\(expression)")
        }
        // Panels do not lie over one another.
        let places = panels.compactMap { $0["gridPos"] as? [String: Int] }
        #expect(places.count == panels.count)
        var cells: Set<[Int]> = []
        for place in places {
            for x in place["x", default: 0]..<(place["x", default: 0] + place["w", default: 0]) {
                for y in place["y", default: 0]..<(place["y", default: 0] + place["h", default: 0]) {
                    #expect(cells.insert([x, y]).inserted && x < 24)
                }
            }
        }
    }

    @Test("promtool accepts the alerts", .enabled(if: promtool != nil, "there is no promtool (Debian: prometheus)"))
    func rules() throws {
        // What the program says is in the folder.
        let folder = try TemporaryFolder()
        let check = try Program(["check", "rules", Self.rules], in: folder, executable: Self.promtool ?? "").wait()
        withExtendedLifetime(folder) {}
        #expect(check.status == 0 && check.output.contains("SUCCESS"), "\(check.errors)\(check.output)")
    }
}
