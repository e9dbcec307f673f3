// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// A chart of values over the cuts, as SVG. Colours come from the page's style sheet.
struct LineChart {
    struct Series {
        let name: String
        /// One per cut; `nil` breaks the line.
        let values: [Double?]
        /// Error bars, one per cut; empty for none.
        var bars: [ClosedRange<Double>?] = []
        /// 1 to 5: an index of the page's colours.
        let color: Int
        var dashed = false
    }

    struct Limit {
        let value: Double
        let name: String
    }

    let title: String
    /// The quantity of the vertical axis.
    let unit: String
    let series: [Series]
    var limits: [Limit] = []
    let range: ClosedRange<Double>
    /// Names of the cuts.
    let labels: [String]
    /// The index of a highlighted cut.
    var marked: Int?

    private static let (width, height) = (560.0, 340.0)
    private static let (left, right, top, bottom) = (66.0, 14.0, 12.0, 92.0)

    var svg: String {
        var parts = [
            "<figure tabindex=\"0\"><figcaption>\(HTML.escape(title)) <span class=\"unit\">\(HTML.escape(unit))</span></figcaption>",
            legend,
            "<svg viewBox=\"0 0 560 340\" role=\"img\" aria-label=\"\(HTML.escape(description))\">",
        ]
        parts += grid
        if let marked {
            parts.append(
                "<line class=\"mark\" x1=\"\(x(marked))\" x2=\"\(x(marked))\" y1=\"12\" y2=\"\(n(Self.height - Self.bottom))\"/>"
            )
        }
        parts += limits.map(line)
        parts += series.map(line)
        let names = HTML.distinct(labels, limit: 14)
        parts += labels.indices.map { label($0, names) }
        return (parts + ["</svg></figure>"]).joined(separator: "\n")
    }

    /// A description in words; the numbers are in the table of all cuts.
    private var description: String {
        let lines = series.compactMap { series -> String? in
            let known = zip(labels, series.values).compactMap { name, value in value.map { (name, $0) } }
            guard let first = known.first, let last = known.last else { return nil }
            return
                "\(series.name) from \(Format.number(first.1)) after \(first.0) to \(Format.number(last.1)) after \(last.0)"
        }
        return ([title] + lines + limits.map(\.name)).joined(separator: "; ")
    }

    private var legend: String {
        let items = series.map { "<span class=\"key k\($0.color)\">\(HTML.escape($0.name))</span>" }
        let gates = limits.map { "<span class=\"key kl\">\(HTML.escape($0.name))</span>" }
        let mark = marked == nil ? [] : ["<span class=\"key km\">recommended cut</span>"]
        return "<p class=\"legend\">\((items + gates + mark).joined(separator: " "))</p>"
    }

    private var grid: [String] {
        let steps = 4
        return (0...steps).flatMap { step in
            let value = range.lowerBound + (range.upperBound - range.lowerBound) * Double(step) / Double(steps)
            let text = Format.fixed(value, range.upperBound - range.lowerBound > 8 ? 0 : range.upperBound > 4 ? 1 : 2)
            return [
                "<line class=\"grid\" x1=\"\(n(Self.left))\" x2=\"\(n(Self.width - Self.right))\" y1=\"\(y(value))\" y2=\"\(y(value))\"/>",
                "<text class=\"tick\" x=\"\(n(Self.left - 6))\" y=\"\(y(value))\" dy=\"4\" text-anchor=\"end\">\(text)</text>",
            ]
        }
    }

    private func line(_ limit: Limit) -> String {
        "<line class=\"limit\" x1=\"\(n(Self.left))\" x2=\"\(n(Self.width - Self.right))\" y1=\"\(y(limit.value))\" y2=\"\(y(limit.value))\"/>"
    }

    private func line(_ series: Series) -> String {
        var (path, dots, isConnected) = ("", "", false)
        for (index, value) in series.values.enumerated() {
            guard let value, value.isFinite else {
                isConnected = false
                continue
            }
            path += "\(isConnected ? "L" : "M")\(x(index)) \(y(value))"
            isConnected = true
            if !series.bars.isEmpty, let bar = series.bars[index] {
                dots +=
                    "<path class=\"error c\(series.color)\" d=\"M\(x(index)) \(y(bar.lowerBound))V\(y(bar.upperBound))\"/>"
            }
            let title = "\(HTML.escape(labels[index])): \(HTML.escape(series.name)) \(Format.number(value))"
            dots +=
                "<circle class=\"c\(series.color)\" cx=\"\(x(index))\" cy=\"\(y(value))\" r=\"3\"><title>\(title)</title></circle>"
        }
        return "<path class=\"line c\(series.color)\(series.dashed ? " dashed" : "")\" d=\"\(path)\"/>" + dots
    }

    private func label(_ index: Int, _ names: [String]) -> String {
        // Names are left out where they would overlap.
        let step = (labels.count + 27) / 28
        guard index.isMultiple(of: step) || index == marked else { return "" }
        let (px, py) = (x(index), n(Self.height - Self.bottom + 12))
        let name = HTML.escape(names[index])
        let mark = index == marked ? " marked" : ""
        return
            "<text class=\"tick\(mark)\" x=\"\(px)\" y=\"\(py)\" text-anchor=\"end\" transform=\"rotate(-50 \(px) \(py))\">\(name)</text>"
    }

    private func x(_ index: Int) -> String {
        let span = Self.width - Self.left - Self.right - 20
        return n(Self.left + 10 + (labels.count > 1 ? span * Double(index) / Double(labels.count - 1) : span / 2))
    }

    private func y(_ value: Double) -> String {
        let clamped = min(max(value, range.lowerBound), range.upperBound)
        let share = (clamped - range.lowerBound) / (range.upperBound - range.lowerBound)
        return n(Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom))
    }

    private func n(_ value: Double) -> String { Format.fixed(value, 1) }
}
