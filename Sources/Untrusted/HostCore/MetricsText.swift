// SPDX-License-Identifier: Apache-2.0
/// Metrics in Prometheus' text format, version 0.0.4. Samples that several parts add to one metric are grouped.
package struct MetricsText: Sendable {
    package enum Kind: String, Sendable { case counter, gauge, histogram }
    package typealias Labels = [(String, String)]

    private struct Family {
        let name: String
        let kind: Kind
        let help: String
        var lines: [String] = []
    }

    private var families: [Family] = []
    /// Labels that precede those of every added sample.
    private let labels: Labels

    package init(labels: Labels = []) { self.labels = labels }

    package var text: String {
        families.map { family in
            let name = "infenclave_\(family.name)"
            let lines = ["# HELP \(name) \(family.help)", "# TYPE \(name) \(family.kind.rawValue)"] + family.lines
            return lines.joined(separator: "\n") + "\n"
        }.joined()
    }

    /// - Parameters:
    ///   - name: Without the prefix `infenclave_`.
    ///   - samples: Values by their labels.
    package mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: Labels, value: Double)]
    ) {
        append(Family(name: name, kind: kind, help: help, lines: samples.map { line(name, $0.labels, $0.value) }))
    }

    package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        add(name, kind, help, [([], value)])
    }

    package mutating func add(
        _ name: String, histogram help: String, _ samples: [(labels: Labels, histogram: Histogram)]
    ) {
        let lines = samples.flatMap { labels, histogram in
            histogram.cumulative.map { line(name + "_bucket", labels + [("le", $0.bound)], Double($0.count)) } + [
                line(name + "_sum", labels, histogram.sum), line(name + "_count", labels, Double(histogram.count)),
            ]
        }
        append(Family(name: name, kind: .histogram, help: help, lines: lines))
    }

    package mutating func add(_ other: MetricsText) { for family in other.families { append(family) } }

    private mutating func append(_ family: Family) {
        if let index = families.firstIndex(where: { $0.name == family.name }) {
            families[index].lines += family.lines
        } else {
            families.append(family)
        }
    }

    private func line(_ name: String, _ labels: Labels, _ value: Double) -> String {
        let labels = (self.labels + labels).map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        return "infenclave_\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(value))"
    }

    private static func escaped(_ value: String) -> String {
        // Not by characters: CR LF is a single character.
        value.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
