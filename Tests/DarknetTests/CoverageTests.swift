// SPDX-License-Identifier: Apache-2.0
import DarknetImport
import Foundation
import Testing

/// The Darknet part of `Documentation/operators.md`, which must agree with the code.
struct CoverageTests {
    static var list: String {
        func quoted(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
        return "Sections: \(quoted(DarknetModel.sections)).\n\nActivations: \(quoted(DarknetModel.activations))."
    }

    @Test("The documentation lists the sections and activations that the importer has")
    func isCurrent() throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: package.appending(path: "Documentation/operators.md"), encoding: .utf8)
        #expect(text.contains(Self.list), "Documentation/operators.md should hold:\n\(Self.list)")
    }

    @Test("Every listed activation can be imported", arguments: DarknetModel.activations)
    func imports(_ name: String) throws {
        let text = "[net]\nwidth=1\nheight=1\nchannels=1\n[activation]\nactivation=\(name)\n"
        #expect(throws: Never.self) { try SectionTests.model(text, SectionTests.weights([])) }
    }
}
