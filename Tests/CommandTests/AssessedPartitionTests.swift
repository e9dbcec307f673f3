// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import SealedChannel
import Testing

@Suite("The assessment recorded in a bundle")
struct AssessedPartitionTests {
    private func partition(_ rest: [String], _ folder: TemporaryFolder, _ name: String = "b") -> [String] {
        [
            "partition", Demo.model, "--labels", Demo.labels, "--out", folder.file("\(name).infenclave"), "--key-out",
            folder.file("\(name).key"),
        ] + rest
    }

    private func assessment(_ folder: TemporaryFolder, _ name: String = "b") throws -> [String: Any] {
        let manifest = try JSONSerialization.jsonObject(
            with: Data(try bytes(of: folder.file("\(name).infenclave/manifest.json"))))
        return try #require((manifest as? [String: Any])?["assessment"] as? [String: Any])
    }

    private func digest(of path: String) throws -> String { ContentDigest(of: try bytes(of: path)).description }

    @Test("The bundle records the assessment's digest, gates, verdict and number of pictures")
    func assessed() throws {
        let folder = try TemporaryFolder()
        let report = folder.file("report")
        let summary = try succeed(
            [
                "assess", Demo.model, "--images", Demo.pictures, "--limit", "16", "--validator",
                Demo.folder + "/validator.onnx", "--cut", "stem.pool", "--cut", "stage3.pool", "--trained", "none",
                "--white-box", "0", "--bound-pictures", "0", "--out", report,
            ], in: folder)
        #expect(summary.output.contains("  weights: "))
        try succeed(partition(["--plan", report + "/plan.json"], folder), in: folder)
        let recorded = try assessment(folder)
        #expect(recorded["status"] as? String == "assessed")
        #expect(try recorded["sha256"] as? String == digest(of: report + "/assessment.json"))
        #expect(recorded["gates"] as? String == "standard" && recorded["adversary"] as? String == "both")
        #expect(recorded["passes"] as? Bool == true && recorded["pictures"] as? Int == 16)
        #expect(recorded["protected"] as? [String] == ["appearance", "identity", "class"])
        #expect(recorded["attackerPictures"] as? Int == 100_000)
        #expect((recorded["headline"] as? String)?.hasPrefix("The recommended plan of an assessment with 16") == true)
        // A cut that leaks is accepted too, with its verdict.
        let leaky = try succeed(
            partition(
                ["--front", "stem.pool", "--mapping", "logits", "--assessment", report + "/assessment.json"], folder,
                "leaky"), in: folder)
        #expect(leaky.errors.contains("does not meet the gates"))
        #expect(try assessment(folder, "leaky")["passes"] as? Bool == false)
        // Without cuts everything is inside, as the assessment compared it.
        try succeed(partition(["--assessment", report + "/assessment.json"], folder, "inside"), in: folder)
        #expect(try assessment(folder, "inside")["status"] as? String == "assessed")
        #expect(try assessment(folder, "inside")["passes"] as? Bool == true)
        // The file may lie elsewhere, but not be another.
        let moved = try folder.write(try bytes(of: report + "/assessment.json"), to: "moved.json")
        try FileManager.default.removeItem(atPath: report + "/assessment.json")
        try expectRefused(partition(["--plan", report + "/plan.json"], folder, "m"), naming: "assessment", in: folder)
        try succeed(partition(["--plan", report + "/plan.json", "--assessment", moved], folder, "m"), in: folder)
        #expect(try assessment(folder, "m")["sha256"] as? String == digest(of: moved))
    }

    @Test("A bundle from cuts without an assessment is recorded as not assessed")
    func byHand() throws {
        let folder = try TemporaryFolder()
        try succeed(partition(["--front", "stage2.pool", "--mapping", "logits"], folder), in: folder)
        let recorded = try assessment(folder)
        #expect(recorded["status"] as? String == "none" && recorded["sha256"] as? String == "")
        #expect(recorded["passes"] as? Bool == false && recorded["pictures"] as? Int == 0)
    }

    @Test(
        "A plan that assess did not write is refused: no assessment, a zero digest, or other cuts or noise")
    func writtenByHand() throws {
        let folder = try TemporaryFolder()
        let zeros = String(repeating: "0", count: 64)
        let zero = try AssessmentFixture().write(to: folder, "zero", digest: zeros)
        try expectRefused(partition(["--plan", zero], folder), naming: zeros, in: folder)
        try FileManager.default.removeItem(atPath: folder.file("zero/assessment.json"))
        try expectRefused(partition(["--plan", zero], folder), naming: "zero/assessment.json", in: folder)
        for (name, cuts) in [
            ("front", #""front":"stage1.pool","mapping":"logits""#),
            ("mapping", #""front":"stage2.pool","mapping":"prob""#),
            ("sigma", #""front":"stage2.pool","mapping":"logits","sigma":0.5"#),
        ] {
            let plan = try AssessmentFixture().write(to: folder, name, plan: cuts)
            try expectRefused(partition(["--plan", plan], folder), naming: "has no plan", in: folder)
        }
        // The noise that it needs is part of the plan.
        let bare = try AssessmentFixture(sigma: 0.25).write(
            to: folder, "bare", plan: #""front":"stage2.pool","mapping":"logits""#)
        try expectRefused(partition(["--plan", bare], folder), naming: "no noise", in: folder)
    }

    @Test("An assessment that was edited, is of another model or contradicts the model is refused")
    func wrongAssessments() throws {
        let folder = try TemporaryFolder()
        let plan = try AssessmentFixture().write(to: folder, "edited")
        let file = folder.file("edited/assessment.json")
        try folder.write(try bytes(of: file) + [0x0A], to: "edited/assessment.json")
        try expectRefused(partition(["--plan", plan], folder), naming: try digest(of: file), in: folder)
        let other = try AssessmentFixture(model: Demo.folder + "/validator.onnx").write(to: folder, "other")
        try expectRefused(partition(["--plan", other], folder), naming: "another model", in: folder)
        let cuts = ["--front", "stage2.pool", "--mapping", "logits"]
        try expectRefused(
            partition(cuts + ["--assessment", folder.file("other/assessment.json")], folder), naming: "another model",
            in: folder)
        let larger = try AssessmentFixture(changes: ["width": 256, "height": 256]).write(to: folder, "larger")
        try expectRefused(partition(["--plan", larger], folder), naming: "classes of 256x256 images", in: folder)
        let fewer = try AssessmentFixture(changes: ["classes": 2]).write(to: folder, "fewer")
        try expectRefused(partition(["--plan", fewer], folder), naming: "2 classes of", in: folder)
        let mild = try AssessmentFixture(gates: "mild").write(to: folder, "mild")
        try expectRefused(partition(["--plan", mild], folder), naming: "gates", in: folder)
        for (name, content) in [("text.json", "no JSON"), ("empty.json", ""), ("list.json", "[]")] {
            let file = try folder.write(content, to: name)
            try expectRefused(partition(cuts + ["--assessment", file], folder), naming: name, in: folder)
        }
        try expectRefused(
            partition(cuts + ["--assessment", folder.file("none.json")], folder), naming: "none.json", in: folder)
    }

    @Test("An assessment made with another output, input shape or preprocessing is refused with the option to give")
    func otherLoads() throws {
        let folder = try TemporaryFolder()
        let zeros = String(repeating: "0", count: 64)
        for (name, changes, option) in [
            ("output", ["output": "another"], "--output"), ("graph", ["graphSHA256": zeros], "--shape"),
            ("scores", ["scores": "logits"], "--scores"),
        ] {
            let plan = try AssessmentFixture(changes: changes).write(to: folder, name)
            try expectRefused(partition(["--plan", plan], folder), naming: Array(changes.values)[0], in: folder)
            let outcome = try infenclave(partition(["--plan", plan], folder), in: folder)
            #expect(outcome.errors.contains("\(option) as to `assess`"), "\(outcome.errors)")
        }
        // The preprocessing is that of the option, not the file's name for it.
        let plan = try AssessmentFixture().write(to: folder, "same")
        try succeed(partition(["--plan", plan], folder, "same"), in: folder)
        let file = try folder.write(
            """
            {"width":64,"height":64,"channels":"BGR","resize":{"mode":"stretch"},"interpolation":"bilinear",
            "mean":[1,2,3],"std":[4,5,6]}
            """, to: "other.json")
        try expectRefused(partition(["--plan", plan, "--preprocess", file], folder), naming: "BGR", in: folder)
        try expectRefused(
            partition(
                ["--assessment", folder.file("same/assessment.json"), "--preprocess", file], folder),
            naming: "\"std\":[4,5,6]", in: folder)
        // The same file with another stated kind of scores.
        let outcome = try infenclave(partition(["--plan", plan, "--scores", "logits"], folder), in: folder)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("give the same --scores as to `assess`"), "\(outcome.errors)")
        // A missing member is refused.
        for name in ["output", "graphSHA256", "preprocessing", "scores"] {
            let plan = try AssessmentFixture(missing: [name]).write(to: folder, "without-\(name)")
            try expectRefused(partition(["--plan", plan], folder), naming: "model.\(name)", in: folder)
        }
    }

    @Test(
        "A cut that passes in an assessment without every deeper candidate cut is refused; one that fails is accepted"
    )
    func deeperCuts() throws {
        let folder = try TemporaryFolder()
        var fixture = AssessmentFixture()
        let missing = fixture.deeper.removeLast()
        let plan = try fixture.write(to: folder, "gap")
        try expectRefused(partition(["--plan", plan], folder), naming: "'\(missing)'", in: folder)
        let file = ["--assessment", folder.file("gap/assessment.json")]
        let byHand = partition(["--front", "stage2.pool", "--mapping", "logits"] + file, folder)
        try expectRefused(byHand, naming: "'\(missing)'", in: folder)
        #expect(try infenclave(byHand, in: folder).errors.contains("assess the model again, without --cut"))
        // Noise is judged at its cut alone; what fails needs no other cut.
        fixture.sigma = 0.25
        try succeed(partition(["--plan", try fixture.write(to: folder, "noisy")], folder, "noisy"), in: folder)
        try succeed(partition(["--front", "stem.pool", "--mapping", "logits"] + file, folder, "leaky"), in: folder)
    }

    @Test("A pass of a single named cut is not enough evidence, and the terminal lists the missing cuts")
    func oneCut() throws {
        let folder = try TemporaryFolder()
        let gates = try folder.write(
            #"{"maximumR2":1,"maximumSSIMGain":1,"minimumKLPassFraction":0,"maximumKLAUC":1}"#, to: "gates.json")
        let summary = try succeed(
            [
                "assess", Demo.model, "--images", Demo.pictures, "--limit", "16", "--cut", "head.relu1", "--trained",
                "none",
                "--white-box", "0", "--bound-pictures", "0", "--adversary", "informed", "--protect", "appearance",
                "--security", "custom", "--gates", gates, "--out", folder.file("report"),
            ], in: folder)
        #expect(summary.output.contains("recommended: everything inside the enclave"))
        #expect(summary.output.contains("the deeper cut 'head.relu2' was not assessed"))
    }

    @Test("Pipes and devices given as files are refused without waiting")
    func pipes() throws {
        let folder = try TemporaryFolder()
        let pipe = folder.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        for file in [pipe, "/dev/zero"] {
            try expectRefused(partition(["--plan", file], folder), naming: file, in: folder)
            try expectRefused(
                [
                    "partition", Demo.model, "--front", "prob", "--mapping", "prob", "--labels", file, "--out", "b",
                    "--key-out", "k",
                ], naming: file, in: folder)
        }
        let sparse = try folder.write("{}", to: "plan.json")
        try #require(truncate(sparse, 1 << 34) == 0)
        try expectRefused(partition(["--plan", sparse], folder), naming: "the limit is", in: folder)
    }
}
