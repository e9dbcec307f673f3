// SPDX-License-Identifier: Apache-2.0
import Foundation
import ONNXImport
import Testing

/// The table of `Documentation/operators.md`, which must say what the code says.
struct CoverageTests {
    static var table: String {
        let opsets = ONNXModel.opsets
        var lines = [
            "Operator sets \(opsets.lowerBound) to \(opsets.upperBound).", "", "| operator | supported |",
            "| --- | --- |",
        ]
        lines += ONNXModel.operators.map { name in
            let reason = ONNXModel.reasons[name].map { ": \($0)" } ?? ""
            return "| `\(name)` | \(ONNXModel.operatorsOnConstants.contains(name) ? "on constants\(reason)" : "yes") |"
        }
        lines += ONNXModel.reasons.filter { !ONNXModel.operators.contains($0.key) }.sorted { $0.key < $1.key }
            .map { "| `\($0.key)` | no: \($0.value) |" }
        lines += ["", "Of ONNX Runtime's domain `com.microsoft`:"]
        lines += [ONNXModel.runtimeOperators.map { "`\($0)`" }.joined(separator: ", ") + "."]
        return lines.joined(separator: "\n")
    }

    @Test("The documentation lists the operators that the importer has")
    func isCurrent() throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: package.appending(path: "Documentation/operators.md"), encoding: .utf8)
        #expect(text.contains(Self.table), "Documentation/operators.md should hold:\n\(Self.table)")
        #expect(ONNXModel.operatorsOnConstants.isSubset(of: ONNXModel.operators))
    }
}
