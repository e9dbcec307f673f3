// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// Stacked horizontal bars, one per cut, so that long names fit. Colours come from the page's style sheet.
struct BarChart {
    struct Part {
        let name: String
        /// One per bar.
        let values: [Double]
        /// 1 to 5: an index of the page's colours.
        let color: Int
    }

    let title: String
    let unit: String
    let parts: [Part]
    let labels: [String]
    /// A bar's total as text.
    let text: (Double) -> String
    /// A limit to draw, with its name.
    var limit: (value: Double, name: String)?
    /// The index of a highlighted bar.
    var marked: Int?
    /// Whether the last bar is everything inside instead of a cut.
    var hasWhole = false

    private static let (width, left, right, row, top) = (560.0, 132.0, 64.0, 19.0, 6.0)

    var svg: String {
        let totals = labels.indices.map { index in parts.reduce(0) { $0 + $1.values[index] } }
        let most = max((totals + [limit?.value ?? 0]).max() ?? 0, 1e-9)
        let height = Self.top * 2 + Self.row * Double(labels.count)
        func x(_ value: Double) -> Double { Self.left + (Self.width - Self.left - Self.right) * value / most }
        let names =
            HTML.distinct(Array(labels.dropLast(hasWhole ? 1 : 0)), limit: 20) + (hasWhole ? labels.suffix(1) : [])
        var marks: [String] = []
        for (index, label) in labels.enumerated() {
            let y = Self.top + Self.row * Double(index)
            let name = HTML.escape(names[index])
            marks.append(
                "<text class=\"tick\(index == marked ? " marked" : "")\" x=\"\(n(Self.left - 8))\" y=\"\(n(y + 13))\" "
                    + "text-anchor=\"end\">\(name)</text>")
            var start = 0.0
            for part in parts where part.values[index] > 0 {
                let end = start + part.values[index]
                marks.append(
                    "<rect class=\"f\(part.color)\" x=\"\(n(x(start)))\" y=\"\(n(y + 3))\" "
                        + "width=\"\(n(max(0.4, x(end) - x(start))))\" height=\"13\"><title>\(HTML.escape(label)): "
                        + "\(HTML.escape(part.name)) \(text(part.values[index]))</title></rect>")
                start = end
            }
            marks.append(
                "<text class=\"tick\" x=\"\(n(x(start) + 5))\" y=\"\(n(y + 13))\">\(text(totals[index]))</text>")
        }
        if let limit {
            marks.append(
                "<line class=\"limit\" x1=\"\(n(x(limit.value)))\" x2=\"\(n(x(limit.value)))\" y1=\"0\" y2=\"\(n(height))\"/>"
            )
        }
        let keys =
            (parts.count > 1 ? parts.map { "<span class=\"key k\($0.color)\">\(HTML.escape($0.name))</span>" } : [])
            + (limit.map { ["<span class=\"key kl\">\(HTML.escape($0.name))</span>"] } ?? [])
        let range = "from \(text(totals.min() ?? 0)) to \(text(totals.max() ?? 0))"
        return """
            <figure tabindex="0"><figcaption>\(HTML.escape(title)) <span class="unit">\(HTML.escape(unit))</span></figcaption>
            <p class="legend">\(keys.joined(separator: " "))</p>
            <svg viewBox="0 0 560 \(n(height))" role="img" aria-label="\(HTML.escape("\(title), \(range)"))">
            \(marks.joined(separator: "\n"))</svg></figure>
            """
    }

    private func n(_ value: Double) -> String { Format.fixed(value, 1) }
}
