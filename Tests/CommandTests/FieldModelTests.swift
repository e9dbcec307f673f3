// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing

/// Options for models that leave a shape or output open, and the commands' behaviour.
@Suite(
    "Models from common exporters", .enabled(if: SharedFiles.exists("field/models"), "\(SharedFiles.absence)"),
    .serialized)
struct FieldModelTests {
    private func path(_ name: String, _ file: String) -> String { SharedFiles.path("field/models/\(name)/\(file)") }

    private func expectAnswer(_ output: String, of name: String) throws {
        let bytes = try bytes(of: output)
        let values = try Tensor(npy: bytes.span.bytes).floats()
        let expected = try SharedFiles.array("field/models/\(name)/expected.npy").floats()
        try #require(values.count == expected.count)
        let largest = expected.reduce(0) { max($0, abs($1)) }
        for (value, reference) in zip(values, expected) { #expect(abs(value - reference) <= 1e-4 * largest) }
    }

    private func demoPicture() throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: Demo.pictures).sorted()
        return "\(Demo.pictures)/\(try #require(names.first { $0.hasSuffix(".png") }))"
    }

    @Test(
        "An open input shape is refused with --shape, and taken from --shape, the tensor or transformers' configuration"
    )
    func openShape() throws {
        let folder = try TemporaryFolder()
        let name = "optimum-pixel-values"
        let (model, input, output) = (path(name, "model.onnx"), path(name, "input.npy"), folder.file("y.npy"))
        let picture = try demoPicture()
        try expectRefused(["run", model, "--input", picture], naming: "--shape 1,3,224,224", in: folder)
        for shape in [["--shape", "1,3,32,32"], []] {
            _ = try succeed(["run", model, "--input", input, "--output", output] + shape, in: folder)
            try expectAnswer(output, of: name)
        }

        let configuration = """
            {"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 32, "width": 32},
             "resample": 2, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
            """
        let file = try folder.write(Array(configuration.utf8), to: "preprocessor_config.json")
        _ = try succeed(["run", model, "--preprocess", file, "--input", picture], in: folder)
        let seen = folder.file("seen.png")
        _ = try succeed(
            ["inspect", model, "--preprocess", file, "--picture", picture, "--out", seen], in: folder)
        #expect(try bytes(of: seen).starts(with: [0x89, 0x50, 0x4E, 0x47]))
        for preset in ["torchvision:resnet51", "keras:ResNet51"] {
            try expectRefused(["inspect", model, "--preprocess", preset], naming: preset, in: folder)
        }
    }

    @Test("The validator and the public backbone have their own options for shape and output")
    func modelsBeside() throws {
        let folder = try TemporaryFolder()
        let assess = [
            "assess", Demo.model, "--images", Demo.pictures, "--limit", "24", "--cut", "stage3.pool", "--trained",
            "none",
            "--kl-images", "2", "--out", folder.file("out"),
        ]
        let (shapeless, several) = (
            path("optimum-pixel-values", "model.onnx"), path("two-outputs-features-first", "model.onnx")
        )
        try expectRefused(
            assess + ["--validator", shapeless], naming: "--validator-shape 1,3,224,224", in: folder)
        try expectRefused(assess + ["--validator", several], naming: "--validator-output NAME", in: folder)
        try expectRefused(
            assess + ["--public-backbone", shapeless], naming: "--public-shape 1,3,224,224", in: folder)
        try expectRefused(assess + ["--public-backbone", several], naming: "--public-output NAME", in: folder)
        let alone = try infenclave(assess + ["--validator-shape", "1,3,32,32"], in: folder)
        #expect(alone.status == 64 && alone.errors.contains("go with --validator"))
        _ = try succeed(
            assess + [
                "--validator", shapeless, "--validator-shape", "1,3,32,32", "--public-backbone", several,
                "--public-output", "logits",
            ], in: folder)
    }

    @Test(
        "A model of another size than 224 takes a picture at its own, with a warning; a preset of torchvision has to fit"
    )
    func otherSize() throws {
        let folder = try TemporaryFolder()
        let (model, picture) = (path("nhwc-transpose", "model.onnx"), try demoPicture())
        let outcome = try succeed(["run", model, "--input", picture], in: folder)
        #expect(outcome.errors.contains("warning: nothing says how the model takes pictures: they are scaled to 32x32"))
        try expectRefused(
            ["run", model, "--preprocess", "torchvision:resnet18", "--input", picture], naming: "1x3x224x224",
            in: folder)
    }

    @Test("A model with several outputs needs one to be named")
    func outputs() throws {
        let folder = try TemporaryFolder()
        let name = "two-outputs-features-first"
        let (model, input, output) = (path(name, "model.onnx"), path(name, "input.npy"), folder.file("y.npy"))
        try expectRefused(["run", model, "--input", input], naming: "--output NAME", in: folder)
        _ = try succeed(["run", model, "--output", "h_f", "--input", input, "--output", output], in: folder)
        try expectAnswer(output, of: name)
    }

    @Test("A model with a fixed batch is run one picture at a time")
    func batch() throws {
        let folder = try TemporaryFolder()
        let name = "batch-fixed-8"
        _ = try succeed(
            ["run", path(name, "model.onnx"), "--input", path(name, "input.npy"), "--output", folder.file("y.npy")],
            in: folder)
        try expectAnswer(folder.file("y.npy"), of: name)
    }

    @Test("A model with a single score is partitioned with two class names")
    func oneScore() throws {
        let folder = try TemporaryFolder()
        let model = path("one-class-sigmoid", "model.onnx")
        let how = """
            {"width": 32, "height": 32, "channels": "RGB", "resize": {"mode": "stretch"}, "interpolation": "bilinear",
             "mean": [0, 0, 0], "std": [255, 255, 255]}
            """
        let file = try folder.write(Array(how.utf8), to: "how.json")
        let labels = try folder.write(Array("genuine\nforged\n".utf8), to: "labels.txt")
        let arguments = [
            "partition", model, "--front", "two_classes_concat", "--mapping", "two_classes_concat", "--preprocess",
            file,
            "--out", folder.file("b.infenclave"), "--key-out", folder.file("key"), "--labels",
        ]
        let three = try folder.write(Array("a\nb\nc\n".utf8), to: "three.txt")
        try expectRefused(arguments + [three], naming: "2 classes", in: folder)
        _ = try succeed(arguments + [labels], in: folder)
    }
}
