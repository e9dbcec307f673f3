// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("Models in other formats", .enabled(if: SharedFiles.isPresent, "\(SharedFiles.absence)"), .serialized)
struct ModelFormatTests {
    private let folder: TemporaryFolder
    private let crop: String

    init() throws {
        folder = try TemporaryFolder()
        crop = try folder.write(
            try JSONSerialization.data(withJSONObject: [
                "width": 224, "height": 224, "channels": "RGB", "resize": ["mode": "none"], "interpolation": "bilinear",
                "mean": [0, 0, 0], "std": [255, 255, 255],
            ]), to: "crop.json")
    }

    private func top(_ arguments: [String]) throws -> [(index: Int, value: Double)] {
        let output = try succeed(["run"] + arguments + ["--json"], in: folder).output
        let object = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        let entries = try #require(object?["top"] as? [[String: Any]])
        return try entries.map { (try #require($0["index"] as? Int), try #require($0["value"] as? Double)) }
    }

    @Test("run accepts a .cfg with the weights beside it, or with named weights")
    func darknet() throws {
        let model = SharedFiles.path("models/darknet/tiny.cfg")
        let picture = SharedFiles.path("images/reference/dog.png")
        let answer = try top([model, "--input", picture, "--preprocess", crop])
        // reference.json: dogsled, 0.704297
        #expect(answer[0].index == 252)
        #expect(abs(answer[0].value - 0.704297) < 1e-4)
        let copy = try folder.write(SharedFiles.bytes("models/darknet/tiny.cfg"), to: "copy.cfg")
        let missing = try infenclave(["inspect", copy], in: folder)
        #expect(missing.status != 0)
        #expect(missing.errors.contains("copy.weights"))
        let weights = SharedFiles.path("models/darknet/tiny.weights")
        #expect(
            try top([copy, "--weights", weights, "--input", picture, "--preprocess", crop])[0].value == answer[0].value)
    }

    @Test("A quantised model agrees with ONNX Runtime to one quantisation step of its output")
    func quantised() throws {
        let folder = "models/mobilenet-v2-1.0-qdq"
        var preprocessing = try #require(
            JSONSerialization.jsonObject(with: SharedFiles.bytes("\(folder)/preprocess.json")) as? [String: Any])
        preprocessing["resize"] = ["mode": "none"]
        let preprocess = try self.folder.write(
            try JSONSerialization.data(withJSONObject: preprocessing), to: "quantised.json")
        let references =
            try JSONSerialization.jsonObject(with: SharedFiles.bytes("\(folder)/reference.json")) as? [String: Any]
        for reference in try #require(references?["references"] as? [[String: Any]]) {
            let image = try #require(reference["image"] as? String)
            let best = try #require((reference["top5"] as? [[String: Any]])?.first)
            let answer = try top([
                SharedFiles.path("\(folder)/model.onnx"), "--input", SharedFiles.path(image), "--preprocess",
                preprocess,
            ])
            #expect(answer[0].index == best["id"] as? Int)
            // One level of the last quantised values, to which sums of another order may round, is as much.
            #expect(abs(answer[0].value - (best["probability"] as? Double ?? 0)) < 0.05, "\(image)")
        }
    }

    @Test("inspect --plan lists the oneDNN implementation, the fused operators and the time of each step")
    func plan() throws {
        let model = SharedFiles.path("models/squeezenet-1.1/model.onnx")
        let output = try succeed(["inspect", model, "--plan", "--threads", "1", "--json"], in: folder).output
        let object = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        let steps = try #require(object["steps"] as? [[String: Any]])
        let convolutions = steps.filter { $0["kind"] as? String == "convolution" }
        #expect(convolutions.count == 26)
        #expect(convolutions.allSatisfy { ($0["fused"] as? [String])?.isEmpty == false })
        #expect(convolutions.allSatisfy { ($0["implementation"] as? String)?.isEmpty == false })
        #expect(steps.compactMap { $0["milliseconds"] as? Double }.reduce(0, +) > 0)
        let table = try succeed(["inspect", model, "--plan"], in: folder).output
        #expect(table.contains("fused into it") && table.contains("activation fusion"))
    }
}
