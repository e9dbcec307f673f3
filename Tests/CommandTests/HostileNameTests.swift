// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ONNXExport
import Tensors
import Testing

@Suite("Names from models and files on the terminal")
struct HostileNameTests {
    /// Clears the screen, sets the title, breaks the line, and turns the text that follows. NUL is in the model only.
    private static let hostile = "\u{1B}[2J\u{9B}1m\u{1B}]0;x\u{7}\nforged\r\nforged\u{2028}forged\u{202E}\u{2066}"

    /// - Parameter hostile: A part of every name.
    private func model(_ hostile: String, in folder: TemporaryFolder) throws -> String {
        func name(_ text: String) -> String { text + hostile }
        func node(_ text: String, _ operation: ModelGraph.Operation, _ inputs: String...) -> Node {
            Node(name: name(text), operation: operation, inputs: inputs.map(name), outputs: [name(text + "-out")])
        }
        let weights = try Tensor((0..<108).map { Float($0 % 7) / 7 - 0.4 }, shape: [4, 3, 3, 3])
        let graph = try Graph(
            name: name("graph"),
            inputs: [Value(name: name("x"), type: TensorType(.float32, try Shape([1, 3, 16, 16])))],
            outputs: [name("prob-out")],
            nodes: [
                node("conv", .convolution(.init(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))), "x", "weights"),
                node("relu", .activation(.init(.relu)), "conv-out"),
                node("gap\u{0}", .globalPooling(.init(.average)), "relu-out"),
                node("flat", .flatten(Flatten()), "gap\u{0}-out"),
                node("prob", .softmax(Softmax(axis: 1)), "flat-out"),
            ], constants: [name("weights"): weights])
        return try folder.write(try ONNXFile.encode(graph), to: "model.onnx")
    }

    private func preprocess(in folder: TemporaryFolder) throws -> String {
        try folder.write(
            """
            {"width":16,"height":16,"channels":"RGB","resize":{"mode":"stretch"},"interpolation":"bilinear",
            "mean":[0,0,0],"std":[255,255,255]}
            """, to: "preprocess.json")
    }

    private func expectClean(_ outcome: Outcome, _ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for line in (outcome.output + "\n" + outcome.errors).split(separator: "\n") {
            let faults = line.unicodeScalars.filter {
                switch $0.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: true
                default: false
                }
            }
            #expect(faults.isEmpty, "\(what): \(faults.map(\.value))", sourceLocation: sourceLocation)
            #expect(!line.hasPrefix("forged"), "\(what)", sourceLocation: sourceLocation)
        }
        #expect(!(outcome.output + outcome.errors).isEmpty, "\(what)", sourceLocation: sourceLocation)
    }

    @Test(
        "inspect, run, bench, assess, features and partition print no terminal control sequence of a name, in any form")
    func model() throws {
        let folder = try TemporaryFolder()
        let model = try model(Self.hostile, in: folder)
        let preprocess = try preprocess(in: folder)
        let labels = try folder.write("a\nb\nc\nd\n", to: "labels.txt")
        let pictures = try folder.makeFolder("pictures")
        for (index, name) in try FileManager.default.contentsOfDirectory(atPath: Demo.pictures).sorted().prefix(16)
            .enumerated()
        {
            try FileManager.default.copyItem(atPath: "\(Demo.pictures)/\(name)", toPath: "\(pictures)/\(index).png")
        }
        let broken = "\(pictures)/\u{1B}]0;x\u{7}\nforged\u{202E}.png"
        try Data("no picture".utf8).write(to: URL(filePath: broken))
        let (front, mapping) = ("relu" + Self.hostile, "flat" + Self.hostile)
        let assess = [
            "assess", model, "--preprocess", preprocess, "--images", pictures, "--trained", "none", "--white-box", "0",
            "--bound-pictures", "0", "--public-backbone", model,
        ]
        let commands: [[String]] = [
            ["inspect", model], ["inspect", model, "--plan"], ["inspect", model, "--output", "no" + Self.hostile],
            ["run", model, "--preprocess", preprocess, "--input", "\(pictures)/0.png"],
            ["run", model, "--preprocess", preprocess, "--input", broken],
            ["bench", model, "--runs", "3"], assess + ["--out", folder.file("report")],
            assess + ["--cut", "no" + Self.hostile, "--out", folder.file("none")],
            ["assess", model, "--preprocess", preprocess, "--cost-only"],
            [
                "features", model, "--preprocess", preprocess, "--images", pictures, "--cut", "no" + Self.hostile,
                "--out", folder.file("features"),
            ],
            [
                "partition", model, "--preprocess", preprocess, "--labels", labels, "--out",
                folder.file("b.infenclave"),
                "--key-out", folder.file("b.key"), "--front", front, "--mapping", mapping,
            ],
            [
                "partition", model, "--preprocess", preprocess, "--labels", labels, "--out",
                folder.file("c.infenclave"),
                "--key-out", folder.file("c.key"), "--front", "no" + Self.hostile, "--mapping", mapping,
            ],
        ]
        for command in commands {
            let what = command.prefix(2).joined(separator: " ")
            expectClean(try infenclave(command, in: folder), what)
            guard command.first != "assess" || command.contains("--cost-only") || command.contains("--cut") else {
                continue
            }
            expectClean(try infenclave(command + ["--json"], in: folder), what + " --json")
        }
        // Readers refuse a manifest with such names, so none is written.
        try expectRefused(
            [
                "partition", model, "--preprocess", preprocess, "--labels", labels, "--out",
                folder.file("d.infenclave"),
                "--key-out", folder.file("d.key"), "--front", front, "--mapping", mapping,
            ], naming: "rename it", in: folder)
        #expect(FileManager.default.fileExists(atPath: folder.file("report/report.html")))
        for file in ["report.html", "assessment.json"] {
            let text = String(decoding: try bytes(of: folder.file("report/\(file)")), as: UTF8.self)
            for character in ["\u{1B}", "\u{9B}", "\u{202E}", "\u{2066}", "\u{0}"] {
                #expect(!text.unicodeScalars.contains(Unicode.Scalar(character)!), "\(file)")
            }
        }
    }

    @Test("A name of thousands of characters is shortened in tables, and an option's value is printed on one line")
    func long() throws {
        let folder = try TemporaryFolder()
        let model = try model(String(repeating: "n", count: 4000), in: folder)
        let outcome = try infenclave(["inspect", model], in: folder)
        #expect(outcome.status == 0 && outcome.output.split(separator: "\n").allSatisfy { $0.utf8.count < 8000 })
        expectClean(outcome, "inspect")
        let usage = try infenclave(["inspect", model, "--shape", "\u{1B}[31m\u{202E}"], in: folder)
        #expect(usage.status == 64)
        expectClean(usage, "usage")
    }

    @Test("Class names with control or bidirectional characters are refused with their line number")
    func labels() throws {
        let folder = try TemporaryFolder()
        let names = (0..<10).map { "class \($0)" }
        func partition(_ labels: [String], _ name: String) throws -> [String] {
            [
                "partition", Demo.model, "--labels",
                try folder.write(labels.joined(separator: "\n"), to: name + ".txt"),
                "--out", folder.file(name + ".infenclave"), "--key-out", folder.file(name + ".key"),
            ]
        }
        for (index, part) in ["\u{1B}[2J", "\u{0}", "\t", "\u{2028}", "\u{85}", "\u{202E}", "\u{2066}", "\u{B}"]
            .enumerated()
        {
            var labels = names
            labels[3] += part + "x"
            let arguments = try partition(labels, "bad\(index)")
            try expectRefused(arguments, naming: "line 4", in: folder)
            expectClean(try infenclave(arguments, in: folder), "labels")
        }
        // Line ends of every system, and letters that need a joiner.
        var labels = names
        labels[2] = "می\u{200C}خواهم"
        try succeed(try partition([labels.joined(separator: "\r\n"), ""], "good"), in: folder)
    }
}
