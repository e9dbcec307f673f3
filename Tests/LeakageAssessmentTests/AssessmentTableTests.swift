// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("The table in the terminal")
struct AssessmentTableTests {
    /// A chain of layers with long names.
    private static func graph(_ names: [String]) throws -> Graph {
        try Graph(
            name: "chain", inputs: [Value(name: "x", type: TensorType(.float32, try Shape([1, 3, 8, 8])))],
            outputs: ["v\(names.count - 1)"],
            nodes: names.enumerated().map { index, name in
                Node(
                    name: name, operation: .activation(Activation(.relu)), inputs: [index == 0 ? "x" : "v\(index - 1)"],
                    outputs: ["v\(index)"])
            }, constants: [:])
    }

    private static let long = (0..<6).map {
        "backbone/features/denseblock\($0)/conv_expanded_projection/Relu_activation"
    }

    private static func lines(_ names: [String], columns: Int) throws -> [String] {
        let cuts = try Measured.cuts(
            names.dropLast().map { ($0, 0.4, (6.25, 6.35)) }, of: try graph(names), milliseconds: 3)
        return AssessmentTable(try Measured.result(cuts), columns: columns).text
            .split(separator: "\n").map(String.init)
    }

    @Test("No line is wider than the terminal, with short and with long names", arguments: [60, 80, 100, 120, 200])
    func fits(columns: Int) throws {
        for names in [Self.long, ["a", "b", "c"]] {
            let lines = try Self.lines(names, columns: columns)
            #expect(lines.count == names.count)
            for line in lines { #expect(line.count <= columns, "\(line)") }
        }
    }

    @Test("80 columns show the deciding values, and 120 columns show all")
    func columns() throws {
        let heading = try Self.lines(Self.long, columns: 80)[0]
        for name in ["cut", "picture", "identity", "class", "R²", "SSIM", "top-1", "gates"] {
            #expect(heading.contains(name), "\(name)")
        }
        let wide = try Self.lines(Self.long, columns: 120)
        for name in ["crosses", "passing", "AUC"] {
            #expect(wide[0].contains(name) && !heading.contains(name), "\(name)")
        }
        // Both ends of a name are left, and names stay apart.
        #expect(wide[1].hasPrefix("backbone/") && wide[1].contains("…"))
        #expect(try Self.lines(Self.long, columns: 200)[1].contains(Self.long[0]))
    }

    @Test("A line names the columns of the attacker with more pictures, and a tilde marks a KL from few pictures")
    func legend() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3))])
        let table = AssessmentTable(try Measured.result(cuts), columns: 120)
        #expect(table.legend.count == 1 && !table.text.contains("~"))
        #expect(
            table.legend[0].hasPrefix(
                "picture, identity, class: expected of an attacker with 100000 pictures, this cut or deeper"))
        let few = try ChannelKL(
            divergences: .init(repeating: .init(repeating: 1, count: 10), count: 10),
            baseline: .init(repeating: 2, count: 10), closestChannel: .init(repeating: 0, count: 10))
        var findings = cuts[0].findings
        findings[ChannelKL.self] = few
        let first = CutMeasurement(
            cut: cuts[0].cut, operatorName: cuts[0].operatorName, crossing: cuts[0].crossing, decoder: cuts[0].decoder,
            findings: findings, cost: cuts[0].cost)
        let result = try Measured.result([first, cuts[1]])
        let marked = AssessmentTable(result, columns: 120)
        #expect(marked.text.contains("~0.50") && marked.legend.count == 2)
        #expect(marked.legend[1] == "~: of 10 pictures, since another gate fails there (elsewhere 60)")
        let page = try ReportPage.html(of: result)
        #expect(page.contains("<td>~0.50 <small>") && page.contains("the channel KL of 10 pictures"))
        // The legend explains only columns that are shown.
        #expect(AssessmentTable(result, columns: 60).legend.count == 1)
    }

    @Test("Names cannot contain terminal control sequences")
    func escapes() throws {
        let text = try Self.lines(["a\u{1B}[31m\nb", "c", "d"], columns: 80).joined(separator: "\n")
        #expect(!text.contains("\u{1B}"))
        #expect(text.split(separator: "\n").count == 3)
    }
}
