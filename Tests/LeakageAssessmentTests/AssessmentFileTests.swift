// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Reading assessment.json")
struct AssessmentFileTests {
    private static func text(_ gates: Gates = .standard, adversary: Adversary = .both) throws -> String {
        let cuts = try Measured.cuts([
            ("relu1", 0.9, (1, 2)), ("pool1", 0.6, (1.5, 2)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil),
        ])
        return AssessmentJSON.text(of: try Measured.result(cuts, gates: gates, adversary: adversary))
    }

    /// The file with its object changed.
    private static func changed(_ change: (inout [String: Any]) throws -> Void) throws -> Data {
        var object = try #require(
            try JSONSerialization.jsonObject(with: Data(text().utf8)) as? [String: Any])
        try change(&object)
        return try JSONSerialization.data(withJSONObject: object)
    }

    private static func change(_ object: inout [String: Any], _ member: String, _ values: [String: Any]) {
        object[member] = (object[member] as? [String: Any] ?? [:]).merging(values) { $1 }
    }

    private static func remove(_ object: inout [String: Any], _ member: String, _ name: String) {
        var members = object[member] as? [String: Any] ?? [:]
        members[name] = nil
        object[member] = members
    }

    private static func changeFirst(
        _ object: inout [String: Any], _ member: String, named name: String, _ key: String, _ values: [String: Any]
    ) {
        var elements = object[member] as? [[String: Any]] ?? []
        guard let index = elements.firstIndex(where: { $0[key] as? String == name }) else { return }
        elements[index].merge(values) { $1 }
        object[member] = elements
    }

    @Test("The file gives the model, its own digest, the gates and the verdict of each plan")
    func plans() throws {
        let data = Data(try Self.text().utf8)
        let file = try AssessmentFile(decoding: data)
        #expect(file.model.sha256 == String(repeating: "0a", count: 32))
        #expect(file.pictures == 60 && file.gates == .standard && file.adversary == .both)
        let contents = try AssessmentReport.contents(
            of: Measured.result(
                Measured.cuts([
                    ("relu1", 0.9, (1, 2)), ("pool1", 0.6, (1.5, 2)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil),
                ])))
        let plan = try PartitionPlan(decoding: contents[1].data)
        #expect(file.sha256 == plan.assessmentSHA256)
        let recommended = try #require(file.plan(front: plan.front, mapping: plan.mapping, sigma: plan.sigma))
        #expect(recommended.role == .recommended && recommended.passesGates && !recommended.everythingInside)
        let leaky = try #require(file.plan(front: "relu1", mapping: "logits", sigma: nil))
        #expect(!leaky.passesGates && leaky.role != .recommended)
        #expect(file.headline(of: leaky).contains("does not meet the gates 'standard'"))
        #expect(
            file.headline(of: recommended)
                == "The recommended plan of an assessment with 60 pictures: it meets the gates 'standard' of appearance, "
                + "identity and class against the paper's adversary and the informed one with 100000 pictures.")
        #expect(file.protected == Asset.all && file.attackerPictures == 100_000)
        for (front, mapping, sigma) in [
            ("conv2", "logits", nil), ("relu2", "flat", nil), ("relu2", "relu2", nil),
            ("relu2", "logits", NoiseDeviation(0.5)),
        ] { #expect(file.plan(front: front, mapping: mapping, sigma: sigma) == nil) }
    }

    @Test("Everything inside is a plan, even if it was not timed")
    func inside() throws {
        let text = AssessmentJSON.text(of: try Measured.result(Measured.cuts([("relu1", 0.9, (1, 2))])))
        let file = try AssessmentFile(decoding: Data(text.utf8))
        let plan = try #require(file.plan(front: "logits", mapping: "logits", sigma: nil))
        #expect(plan.passesGates && plan.everythingInside && plan.role == .recommended)
        #expect(file.headline(of: plan).contains("nothing crosses"))
    }

    @Test("Custom gates are described by their limits, and a predefined name with other limits is refused")
    func gates() throws {
        var own = Gates.standard
        own.name = "custom"
        own[.rSquared] = 0.95
        let file = try AssessmentFile(decoding: Data(Self.text(own, adversary: .informed).utf8))
        let plan = try #require(file.plan(front: "relu2", mapping: "logits", sigma: nil))
        #expect(file.headline(of: plan).contains("(R² ≤ 0.95"))
        own.name = "standard"
        #expect(throws: AssessmentError.self) { try AssessmentFile(decoding: Data(Self.text(own).utf8)) }
    }

    @Test("The file identifies the model file, output, preprocessing and graph")
    func network() throws {
        let network = try TinyNetwork.network().description()
        let other = try TinyNetwork.network(seed: 2).description()
        func with(
            sha256: String? = nil, graph: String? = nil, output: String? = nil, _ preprocessing: Preprocessing? = nil,
            classes: Int? = nil, scores: ScoreKind? = nil
        ) -> AssessmentResult.NetworkDescription {
            .init(
                name: "tiny", sha256: sha256 ?? network.sha256, graphSHA256: graph ?? network.graphSHA256,
                output: output ?? network.output, scores: scores ?? network.scores,
                preprocessing: preprocessing ?? network.preprocessing,
                classes: classes ?? network.classes, parameters: 1, multiplyAdds: 1)
        }
        func preprocessing(
            _ channels: Preprocessing.Channels = .rgb, _ resize: Preprocessing.Resize = .stretch,
            _ interpolation: Preprocessing.Interpolation = .bilinear, mean: Float = 128, std: Float = 64
        ) throws -> Preprocessing {
            try Preprocessing(
                width: 16, height: 16, channels: channels, resize: resize, interpolation: interpolation,
                mean: [128, 128, mean], std: [64, 64, std])
        }
        let data = try Self.changed {
            Self.change(
                &$0, "model",
                ["sha256": network.sha256, "graphSHA256": network.graphSHA256, "output": network.output])
        }
        let model = try AssessmentFile(decoding: data).model
        #expect(model.difference(from: network) == nil)
        #expect(try model.difference(from: with(preprocessing())) == nil)
        let zeros = String(repeating: "0", count: 64)
        for (word, option, different) in [
            ("another model", "--store-weights", with(sha256: zeros)),
            ("with logits", "--scores", with(output: "stated_logits", scores: .logits)),
            ("2 classes", "--output", with(classes: 2)),
            ("'logits'", "--output", with(output: "logits")), (zeros, "--shape", with(graph: zeros)),
            (other.graphSHA256, "--shape", other),
            ("BGR", "--preprocess", with(try preprocessing(.bgr))),
            ("letterbox", "--preprocess", with(try preprocessing(.rgb, .letterbox(fill: 0)))),
            ("shorterSide", "--preprocess", with(try preprocessing(.rgb, .shorterSide(16)))),
            ("bicubic", "--preprocess", with(try preprocessing(.rgb, .stretch, .bicubic))),
            ("127.5", "--preprocess", with(try preprocessing(mean: 127.5))),
            ("63.5", "--preprocess", with(try preprocessing(std: 63.5))),
        ] {
            let difference = try #require(model.difference(from: different), "\(word)")
            #expect(difference.message.contains(word), "\(difference.message)")
            #expect(difference.remedy.contains(option), "\(difference.remedy)")
        }
        // The name of a file is no part of the network.
        var renamed = try TinyNetwork.network()
        renamed.graph = try TinyNetwork.graph(name: "another")
        #expect(try renamed.description().graphSHA256 == network.graphSHA256)
        renamed.graph = try renamed.graph.exposing(["h"])
        #expect(try renamed.description().graphSHA256 != network.graphSHA256)
        #expect(try renamed.description().output == "h")
        #expect(network.scores == .probabilities)
    }

    @Test("An assessment that is not a JSON object, lacks a member or contradicts itself is refused")
    func refusals() throws {
        #expect(throws: Never.self) { try AssessmentFile(decoding: Self.changed { _ in }) }
        #expect(throws: Never.self) { try AssessmentFile(decoding: Self.changed { $0["later"] = ["a": 1] }) }
        for text in ["", "[]", "{}", "null", "{\"version\":\"1\"}", String(repeating: "[", count: 100_000)] {
            let error = #expect(throws: AssessmentError.self) { try AssessmentFile(decoding: Data(text.utf8)) }
            #expect(error?.code == .malformedAssessment)
        }
        let changes: [(String, (inout [String: Any]) throws -> Void)] = [
            ("version 2 is unknown", { $0["version"] = 2 }), ("assess the model again", { $0["version"] = 2 }),
            ("protected", { $0["protected"] = ["name"] }),
            ("protected", { $0["protected"] = ["class", "class"] }),
            ("attackerPictures", { $0["attackerPictures"] = 0 }), ("images", { $0["images"] = 0 }),
            ("images", { $0["images"] = "60" }), ("plans", { $0["plans"] = nil }),
            ("adversary", { $0["adversary"] = "nobody" }), ("model", { Self.change(&$0, "model", ["sha256": "0a"]) }),
            ("model.sha256", { $0["model"] = [String: Any]() }),
            ("model.graphSHA256", { Self.change(&$0, "model", ["graphSHA256": "0B"]) }),
            ("model.output", { Self.remove(&$0, "model", "output") }),
            ("model.graphSHA256", { Self.remove(&$0, "model", "graphSHA256") }),
            ("model.scores", { Self.remove(&$0, "model", "scores") }),
            ("model.scores", { Self.change(&$0, "model", ["scores": "percent"]) }),
            ("model.preprocessing", { Self.remove(&$0, "model", "preprocessing") }),
            ("model.preprocessing", { Self.change(&$0, "model", ["preprocessing": ["width": 16]]) }),
            ("gates", { Self.change(&$0, "gates", ["name": "mild"]) }),
            ("gates", { Self.change(&$0, "gates", ["maximumR2": 0.9]) }),
            ("gates.maximumR2", { Self.change(&$0, "gates", ["maximumR2": NSNull()]) }),
            ("recommendation", { Self.change(&$0, "recommendation", ["front": "nowhere"]) }),
            ("recommendation", { Self.change(&$0, "recommendation", ["front": "relu1"]) }),
            ("recommendation", { Self.change(&$0, "recommendation", ["sigma": 0.5]) }),
            (
                "sigma", { Self.change(&$0, "recommendation", ["sigma": -1]) }
            ),
            (
                "recommendation",
                {
                    Self.change(
                        &$0, "recommendation", ["nextFaster": ["front": "nowhere", "mapping": "logits"]])
                }
            ),
            (
                "cuts",
                { Self.changeFirst(&$0, "plans", named: "relu1", "front", ["passesGates": true]) }
            ),
            (
                "cuts",
                { Self.changeFirst(&$0, "cuts", named: "relu2", "name", ["gates": ["passes": false]]) }
            ),
            ("cuts", { Self.changeFirst(&$0, "plans", named: "relu1", "front", ["everythingInside": true]) }),
            (
                "twice",
                { object in
                    let plans = object["plans"] as? [Any] ?? []
                    object["plans"] = plans + plans
                }
            ),
        ]
        for (word, change) in changes {
            let data = try Self.changed(change)
            let error = #expect(throws: AssessmentError.self) { try AssessmentFile(decoding: data) }
            #expect(error?.code == .malformedAssessment)
            #expect(error?.message.contains(word) == true, "\(word): \(error?.message ?? "none")")
            #expect(error?.message.contains("\n") == false)
        }
    }
}
