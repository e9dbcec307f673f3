/// Prometheus' text format, version 0.0.4.
package struct MetricsText: Sendable {
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    package private(set) var text = ""

    package init() {}

    /// - Parameters:
    ///   - name: Without the prefix `infenclave_`.
    ///   - samples: Values by their labels.
    package mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]
    ) {
        begin(name, kind, help)
        for sample in samples { add(sample: name, sample.labels, sample.value) }
    }

    package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        add(name, kind, help, [([], value)])
    }

    package mutating func add(
        _ name: String, histogram help: String, _ samples: [(labels: [(String, String)], histogram: Histogram)]
    ) {
        begin(name, .histogram, help)
        for (labels, histogram) in samples {
            for (bound, count) in histogram.cumulative {
                add(sample: name + "_bucket", labels + [("le", bound)], Double(count))
            }
            add(sample: name + "_sum", labels, histogram.sum)
            add(sample: name + "_count", labels, Double(histogram.count))
        }
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP infenclave_\(name) \(help)\n# TYPE infenclave_\(name) \(kind.rawValue)\n"
    }

    private mutating func add(sample name: String, _ labels: [(String, String)], _ value: Double) {
        let labels = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += "infenclave_\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(value))\n"
    }

    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
