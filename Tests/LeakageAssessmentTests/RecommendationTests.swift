// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Recommendation")
struct RecommendationTests {
    @Test("The cut with the lowest cost within all gates is chosen, with the shallower failure as a reason")
    func cheapest() throws {
        let cuts = try Measured.cuts([
            ("relu1", 0.9, (1, 2)), ("pool1", 0.6, (1.5, 2)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil),
        ])
        let result = try Measured.result(cuts)
        #expect(result.recommendation.front == "relu2")
        #expect(result.recommendation.mapping == "logits")
        #expect(!result.recommendation.everythingInside)
        #expect(result.recommendation.details.contains { $0.contains("'pool1'") })
        #expect(result.paperRule.front == "relu2")
    }

    @Test("A leak at a deeper cut rules out a shallower cut that appears safe")
    func envelope() throws {
        let cuts = try Measured.cuts([("relu1", 0.01, (3, 3)), ("pool1", 0.8, (3, 3)), ("relu2", 0.004, (3, 3))])
        #expect(try Measured.result(cuts).recommendation.front == "relu2")
    }

    @Test("If every cut leaks, everything is inside, and the reasons name the failed checks")
    func everythingInside() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.5, (3, 3)), ("flat", 0.3, nil)])
        let recommendation = try Measured.result(cuts).recommendation
        #expect(recommendation.everythingInside)
        #expect(recommendation.front == "logits")
        #expect(recommendation.reason.contains("'flat'") && recommendation.reason.contains("R² 0.30"))
        #expect(
            recommendation.reason.contains(
                "no assessed cut is shown to protect all of appearance, identity and class from ")
        )
        // The numbers are of the cut and of deeper ones.
        #expect(recommendation.reason.contains("'flat', or deeper: "))
    }

    @Test("The reason names only protected assets")
    func oneAsset() throws {
        let cuts = try Measured.cuts([("relu2", 0.5, (3, 3)), ("flat", 0.3, nil)])
        let reason = try Measured.result(cuts, protecting: [.appearance]).recommendation.reason
        #expect(
            reason.hasPrefix(
                "Everything runs inside the enclave: no assessed cut is shown to protect appearance from an attacker with "
                    + "100000 pictures. At"))
    }

    @Test("The report gives the gates' outcome for each plan and cut, and whether deeper cuts count")
    func scopes() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil)])
        let result = try Measured.result(cuts)
        let page = try ReportPage.html(of: result)
        #expect(page.contains("The verdict counts deeper cuts; the numbers are of this cut alone."))
        #expect(page.contains("R² of the best decoder at this cut alone") && page.contains(", expected here or deeper"))
        #expect(page.contains("at this cut or deeper (passes the gates of identity)"))
        let faster = try #require(result.recommendation.nextFaster)
        #expect(faster.front == "relu1" && page.contains("fails the gates, worst check"))
        // A cut without assessed deeper cuts is undecided; it does not count as a leak.
        let graph = try TinyNetwork.graph()
        let open = try ReportPage.html(
            of: Measured.result(Measured.cuts([("relu2", 0.004, (3, 3))]), notAssessed: [try graph.cut(named: "flat")]))
        #expect(open.contains("? not enough evidence") && !open.contains("✗ fails"))
    }

    @Test("A cut at which the white-box attack exceeds the gate of R² is not recommended", arguments: [0.1, 0.4])
    func whiteBox(rSquared: Double) throws {
        let attack = WhiteBoxScores(
            pictures: 4, rSquared: rSquared, rSquaredError: 0.2, similarity: 0.2, similarityOfMean: 0.2, residual: 0.1)
        let result = try Measured.result(Measured.cuts([("relu2", 0.004, (3, 3))], whiteBox: attack))
        #expect(result.recommendation.everythingInside == (rSquared > 0.15))
        let check = try #require(result.verdicts[0].check(of: .extrapolatedRSquared))
        #expect(check.outcome == (rSquared > 0.15 ? .fails : .passes) && check.estimate == rSquared)
        // If appearance is not protected, the white-box attack does not decide.
        #expect(result.verdicts[0].outcome(of: .identity) == .passes)
    }

    @Test("For the paper's adversary the reason describes IR images, and states what decoders recover there")
    func paperSentence() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.6, (3, 3))])
        let recommendation = try Measured.result(cuts, adversary: .paper).recommendation
        #expect(recommendation.front == "relu2")
        #expect(!recommendation.reason.contains("No tested attack"))
        #expect(recommendation.reason.contains("IR image") && recommendation.reason.contains("R² 0.60"))
    }

    @Test("If no decoder was to be trained, the rule and the reason say so", arguments: [true, false])
    func untrained(trains: Bool) throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3))])
        let plan = Recommendation.choose(
            among: cuts, verdicts: GateVerdict.verdicts(for: cuts, gates: .standard), gates: .standard,
            mapping: ("logits", 8), pictures: 60, trainsDecoders: trains)
        #expect(plan.front == "relu2")
        #expect(plan.rule.contains("no trained decoder") == !trains)
        #expect(plan.reason.contains("no decoder was trained") == !trains)
    }

    @Test("The paper's rule alone passes a cut that the decoders invert")
    func paperRule() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("pool1", 0.8, (3, 3)), ("relu2", 0.7, (3, 3))])
        let result = try Measured.result(cuts)
        #expect(result.paperRule.front == "pool1")
        #expect(result.recommendation.everythingInside)
    }

    @Test("The paper's rule requires the baseline at all deeper cuts")
    func paperRuleDeeper() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (3, 3)), ("pool1", 0.8, (1, 3)), ("relu2", 0.7, (3, 3))])
        #expect(try Measured.result(cuts).paperRule.front == "relu2")
        #expect(try Measured.result(Measured.cuts([("relu1", 0.9, (1, 3))])).paperRule.front == nil)
        #expect(try Measured.result(Measured.cuts([("flat", 0.9, nil)])).paperRule.front == nil)
    }

    @Test("A KL below the uniform baseline passes if it does not distinguish a picture from others")
    func shuffledNull() throws {
        let blind = try Measured.cuts([("relu2", 0.004, (1, 1))])
        #expect(try Measured.result(blind).recommendation.front == "relu2")
        let telling = try Measured.cuts([("relu2", 0.004, (1, 1.1))])
        #expect(try Measured.result(telling).recommendation.everythingInside)
    }

    @Test("The mapping unit begins at the final softmax, or after the last layer if there is none")
    func mappingCut() throws {
        let graph = try TinyNetwork.graph()
        #expect(try graph.mappingCut().name == "logits")
        let scores = try Graph(
            name: "scores", inputs: graph.inputs, outputs: ["h"], nodes: Array(graph.nodes.dropLast()),
            constants: graph.constants)
        #expect(try scores.mappingCut().name == "logits")
        #expect(graph.scoreKind == .probabilities && scores.scoreKind == .logits)
        // Nodes that move, round or scale the probabilities are inside with the softmax.
        let nodes = [
            Node(
                name: "part", operation: .slice(Slice(starts: [1], ends: [4], axes: [1], steps: [1])),
                inputs: ["prob"], outputs: ["part"]),
            Node(
                name: "scaled", operation: .arithmetic(Arithmetic(.multiply)), inputs: ["part", "one"],
                outputs: ["scaled"]),
            Node(
                name: "clipped", operation: .activation(Activation(.clip, alpha: 0, beta: 1)), inputs: ["scaled"],
                outputs: ["clipped"]),
        ]
        var constants = graph.constants
        constants["one"] = try Tensor([Float(1)], shape: [])
        let longer = try Graph(
            name: "longer", inputs: graph.inputs, outputs: ["clipped"], nodes: graph.nodes + nodes,
            constants: constants)
        #expect(try longer.mappingCut().name == "logits")
        #expect(longer.scoreKind == .probabilities)
    }

    @Test("A plan is read back as written, and is written byte-identically each time")
    func planRoundTrip() throws {
        let plan = try PartitionPlan(
            front: "relu2", mapping: "logits", modelSHA256: String(repeating: "0a", count: 32),
            assessmentSHA256: String(repeating: "ff", count: 32), rule: "rule", reason: "reason \"quoted\"")
        let data = try plan.encoded()
        #expect(try PartitionPlan(decoding: data) == plan)
        #expect(try plan.encoded() == data)
        #expect(!String(decoding: data, as: UTF8.self).contains("sigma"))
        let noisy = try PartitionPlan(
            front: "relu2", mapping: "logits", sigma: NoiseDeviation(0.7), modelSHA256: plan.modelSHA256,
            assessmentSHA256: plan.assessmentSHA256, rule: "rule", reason: "reason")
        #expect(try PartitionPlan(decoding: noisy.encoded()) == noisy)
        #expect(throws: AssessmentError.self) {
            try PartitionPlan(
                front: "logits", mapping: "logits", sigma: NoiseDeviation(0.7), modelSHA256: plan.modelSHA256,
                assessmentSHA256: plan.assessmentSHA256, rule: "rule", reason: "reason")
        }
    }

    @Test(
        "A plan with a missing, unknown or wrong member is refused with its name",
        arguments: [
            (#""front":"a","#, "", "front"), (#""version":1"#, #""version":2"#, "version 2"),
            (#""rule":"r""#, #""rule":"r","extra":1"#, "extra"), (#""mapping":"b""#, #""mapping":7"#, "mapping"),
            ("0a0a", "0A0A", "modelSHA256"), (#""front":"a""#, #""front":"""#, "front"), ("{", "[", "plan"),
            (#""rule":"r""#, #""rule":"r","sigma":-1"#, "sigma"), (#""rule":"r""#, #""rule":"r","sigma":0"#, "sigma"),
            (#""rule":"r""#, #""rule":"r","sigma":"1""#, "sigma"),
        ])
    func badPlan(find: String, replace: String, named: String) throws {
        let digest = String(repeating: "0a", count: 32)
        let good =
            #"{"version":1,"front":"a","mapping":"b","modelSHA256":"\#(digest)","assessmentSHA256":"\#(digest)","rule":"r","reason":"s"}"#
        #expect(throws: Never.self) { try PartitionPlan(decoding: Data(good.utf8)) }
        let bad = good.replacingOccurrences(of: find, with: replace)
        #expect(bad != good)
        let error = #expect(throws: AssessmentError.self) { try PartitionPlan(decoding: Data(bad.utf8)) }
        #expect(error?.code == .malformedPlan)
        #expect(error?.message.contains(named) == true)
    }
}
