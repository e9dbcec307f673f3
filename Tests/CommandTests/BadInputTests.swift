// SPDX-License-Identifier: Apache-2.0
import Attestation
import Foundation
import Glibc
import InfenclaveClient
import KeyRelease
import ModelGraph
import ONNXExport
import SealedChannel
import Tensors
import TestSupport
import Testing

/// Files that are not what a command wants.
private struct BadFiles {
    let folder: TemporaryFolder
    var missing: String { folder.file("missing.onnx") }
    let directory, empty, truncated, text, twoInputs, corruptPicture: String

    init(in folder: TemporaryFolder) throws {
        self.folder = folder
        directory = try folder.makeFolder("directory.onnx")
        empty = try folder.makeFolder("empty")
        truncated = try folder.write(try bytes(of: Demo.model).prefix(50_000), to: "truncated.onnx")
        text = try folder.write("This is a text.\n", to: "text.onnx")
        let type = TensorType(.float32, try Shape([1, 3, 64, 64]))
        let graph = try Graph(
            name: "two", inputs: [Value(name: "left", type: type), Value(name: "right", type: type)],
            outputs: ["flat"],
            nodes: [
                Node(name: "sum", operation: .arithmetic(Arithmetic(.add)), inputs: ["left", "right"], outputs: ["s"]),
                Node(name: "flat", operation: .flatten(Flatten()), inputs: ["s"], outputs: ["flat"]),
            ], constants: [:])
        twoInputs = try folder.write(try ONNXFile.encode(graph), to: "two-inputs.onnx")
        // The beginning of a JPEG: the kind is recognisable, the content is missing.
        let beginning: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16] + Array("JFIF".utf8) + [0, 1, 1, 0, 0, 1, 0, 1, 0, 0]
        corruptPicture = try folder.write(beginning, to: "corrupt.jpg")
    }

    /// Files that are not models, and a phrase of the error for each.
    var models: [(String, String)] {
        [
            (missing, "missing.onnx"), (directory, "directory.onnx"), (truncated, "truncated.onnx"),
            (text, "text.onnx"),
        ]
    }
}

@Suite("Bad input is refused with a message of one or two lines")
struct BadInputTests {
    private let picture = Demo.clients[0].0

    @Test("A file that cannot be written is refused with the system's reason")
    func outputs() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("This is a text.\n", to: "text")
        for (parent, reason) in [(folder.file("missing"), "No such file or directory"), (file, "Not a directory")] {
            try expectRefused(
                ["run", Demo.model, "--input", picture, "--output", "\(parent)/out.npy"], naming: reason, in: folder)
            let history = CollateralHistory.file("\(parent)/dates.json")
            let record = CollateralRecord(date: Timestamp(secondsSince1970: 1), evaluationDataNumber: nil)
            let error = #expect(throws: ClientError.self) { try history.remember(["a": record]) }
            #expect(error?.message.contains(": \(reason)") == true, "\(error?.message ?? "")")
            let refused = #expect(throws: CocoaError.self) {
                try Data([1]).write(to: URL(filePath: "\(parent)/bytes"), options: .atomic)
            }
            // Foundation on Linux gives the same reason for both.
            #expect(refused.map(SystemReason.suffix) == ": No such file or directory")
        }
        #expect(SystemReason.suffix(of: CocoaError(.fileWriteUnknown)).isEmpty)
    }

    @Test("Clients, quotas, policies and dates that cannot be read are refused with the system's reason")
    func unreadableFiles() throws {
        let folder = try TemporaryFolder()
        let missing = folder.file("missing")
        let file = try folder.write("text", to: "file")
        let inside = try folder.makeFolder("folder")
        func reason(_ body: () throws -> Void) -> String {
            do { try body() } catch { return (error as? KeyReleaseError)?.message ?? "\(error)" }
            return "nothing was refused"
        }
        func clients(_ path: String) -> ClientFolder { ClientFolder(path, requests: 1, requestsPerMinute: 1) }
        #expect(reason { _ = try clients(missing).read() }.hasSuffix(": No such file or directory"))
        #expect(reason { _ = try clients(file).read() }.contains("cannot be read"))
        try AccessToken.random().write(to: "\(inside)/alice.token")
        try FileManager.default.createDirectory(atPath: "\(inside)/alice.json", withIntermediateDirectories: false)
        #expect(
            reason { _ = try clients(inside).read() }.hasSuffix("alice.json cannot be read: it is not a regular file"))
        let owner = OwnerSigningKey.random().publicKey
        for (path, reason) in [
            (missing, "No such file or directory"), ("\(file)/policy.json", "Not a directory"),
            (inside, "it is not a regular file"),
        ] {
            let error = #expect(throws: KeyReleaseError.self) { try SignedPolicy(path, owner: owner) }
            #expect(error?.message == "\(path) cannot be read: \(reason)")
        }
        let history = CollateralHistory.file(inside)
        let record = CollateralRecord(date: Timestamp(secondsSince1970: 1), evaluationDataNumber: nil)
        let error = #expect(throws: ClientError.self) { try history.remember(["a": record]) }
        #expect(error?.message == "\(inside) cannot be read: it is not a regular file")
        let fault = #expect(throws: BoundedFile.Fault.self) { try BoundedFile.contents(of: file, maximumBytes: 3) }
        #expect(fault?.suffix == ": it has more than 3 bytes")
        #expect(try BoundedFile.contents(of: file, maximumBytes: 4) == Data("text".utf8))
    }

    @Test("A model path that is missing, a folder, truncated or text is refused")
    func models() throws {
        let folder = try TemporaryFolder()
        let files = try BadFiles(in: folder)
        let out = folder.file("out")
        for (model, word) in files.models {
            try expectRefused(["inspect", model], naming: word, in: folder)
            try expectRefused(["run", model, "--input", picture, "--output", out], naming: word, in: folder)
            try expectRefused(["bench", model], naming: word, in: folder)
            try expectRefused(["assess", model, "--images", Demo.pictures, "--out", out], naming: word, in: folder)
            try expectRefused(
                [
                    "partition", model, "--front", "a", "--mapping", "b", "--labels", Demo.labels, "--out", out,
                    "--key-out", folder.file("key"),
                ], naming: word, in: folder)
        }
    }

    @Test("Model folders of other libraries and Git LFS pointers are refused with a remedy")
    func otherForms() throws {
        let folder = try TemporaryFolder()
        for (name, content, remedy) in [
            ("saved", "saved_model.pb", "--saved-model"), ("net.mlpackage", "Manifest.json", "Core ML"),
            ("several", "b.onnx", "such as b.onnx"), ("other", "notes.txt", "name the .onnx file"),
        ] {
            _ = try folder.makeFolder(name)
            try folder.write("", to: "\(name)/\(content)")
            let outcome = try infenclave(["inspect", folder.file(name)], in: folder)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("is a folder") && outcome.errors.contains(remedy), "\(outcome.errors)")
        }
        let digest = String(repeating: "a", count: 64)
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(digest)\nsize 9\n"
        let small = "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=2\nsize=3\nactivation=relu\n"
        let model = try folder.write(small, to: "small.cfg")
        try folder.write(pointer, to: "small.weights")
        try folder.write(pointer, to: "how.json")
        for (arguments, named) in [
            (["inspect", model], "small.weights"),
            (["run", Demo.model, "--input", picture, "--preprocess", folder.file("how.json")], "how.json"),
        ] {
            try expectRefused(arguments, naming: "\(named) is a Git LFS pointer", in: folder)
            #expect(try infenclave(arguments, in: folder).errors.contains("git lfs pull"))
        }
    }

    @Test("The first frame of a picture with several frames is used, with a warning")
    func animation() throws {
        let folder = try TemporaryFolder()
        // 2x1 pixels; codes of three bits, from the lowest: clear 4, 0, 1, end 5.
        let codes = 4 | 0 << 3 | 1 << 6 | 5 << 9
        var gif = Array("GIF89a".utf8) + [2, 0, 1, 0, 0x81, 0, 0, 9, 9, 9, 50, 60, 70, 1, 1, 1, 2, 2, 2]
        let frame: [UInt8] = [
            0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, UInt8(codes & 255), UInt8(codes >> 8), 0,
        ]
        gif += frame
        let still = try folder.write(gif + [0x3B], to: "still.gif")
        let animated = try folder.write(gif + frame + [0x3B], to: "animated.gif")
        #expect(try succeed(["run", Demo.model, "--input", still], in: folder).errors.isEmpty)
        let outcome = try succeed(["run", Demo.model, "--input", animated], in: folder)
        #expect(outcome.errors.hasPrefix("warning: ") && outcome.errors.contains("animated.gif has several frames"))
    }

    @Test("A model with two inputs can be inspected and is refused by all other commands")
    func twoInputs() throws {
        let folder = try TemporaryFolder()
        let model = try BadFiles(in: folder).twoInputs
        let inspected = try succeed(["inspect", model, "--json"], in: folder)
        #expect(((inspected.json as? [String: Any])?["inputs"] as? [Any])?.count == 2)
        let out = folder.file("out")
        try expectRefused(["run", model, "--input", picture, "--output", out], naming: "2 inputs", in: folder)
        let array = try folder.write(
            try Tensor([Float](repeating: 0, count: 12288), shape: [1, 3, 64, 64]).npyBytes(), to: "x.npy")
        try expectRefused(["run", model, "--input", array, "--output", out], naming: "2 inputs", in: folder)
        try expectRefused(["bench", model], naming: "2 inputs", in: folder)
        try expectRefused(["assess", model, "--images", Demo.pictures, "--out", out], naming: "2 inputs", in: folder)
        try expectRefused(
            [
                "partition", model, "--front", "sum", "--mapping", "sum", "--labels", Demo.labels, "--out", out,
                "--key-out", folder.file("key"),
            ], naming: "2 inputs", in: folder)
    }

    @Test("A result that is not finite is printed as such, in JSON as strings, with a warning")
    func notFinite() throws {
        let folder = try TemporaryFolder()
        let type = TensorType(.float32, try Shape([1, 3]))
        let graph = try Graph(
            name: "logarithm", inputs: [Value(name: "x", type: type)], outputs: ["y"],
            nodes: [Node(name: "y", operation: .activation(Activation(.logarithm)), inputs: ["x"], outputs: ["y"])],
            constants: [:])
        let model = try folder.write(try ONNXFile.encode(graph), to: "logarithm.onnx")
        let input = try folder.write(try Tensor([1, 0, -1] as [Float], shape: [1, 3]).npyBytes(), to: "x.npy")
        let outcome = try succeed(["run", model, "--input", input, "--json"], in: folder)
        let answer = try #require(outcome.json as? [String: Any])
        let entries = try #require(answer["top"] as? [[String: Any]])
        let values = Dictionary(
            uniqueKeysWithValues: entries.map { ($0["index"] as? Int ?? -1, $0["value"] as? String ?? "a number") })
        #expect(values == [0: "a number", 1: "-Infinity", 2: "NaN"])
        #expect(outcome.errors.contains("2 of 3 values of the result are not finite"))
    }

    @Test("Invalid inputs of run, and a missing output folder, are refused")
    func run() throws {
        let folder = try TemporaryFolder()
        let files = try BadFiles(in: folder)
        for input in [folder.file("missing.png"), files.directory, files.text, files.corruptPicture] {
            try expectRefused(
                ["run", Demo.model, "--input", input], naming: URL(filePath: input).lastPathComponent, in: folder)
        }
        let noArray = try folder.write("no array", to: "text.npy")
        try expectRefused(["run", Demo.model, "--input", noArray], naming: "text.npy", in: folder)
        let small = try Tensor([Float](repeating: 0, count: 12), shape: [1, 3, 2, 2]).npyBytes()
        try expectRefused(
            ["run", Demo.model, "--input", try folder.write(small, to: "small.npy")], naming: "1x3x2x2", in: folder)
        try expectRefused(
            ["run", Demo.model, "--input", picture, "--output", folder.file("none/y.npy")], naming: "none/y.npy",
            in: folder)
        let preprocess = try folder.write("{\"width\": 3", to: "preprocess.json")
        try expectRefused(
            ["run", Demo.model, "--input", picture, "--preprocess", preprocess], naming: "preprocess.json", in: folder)
        try expectUsage(["run", Demo.model, "--input", picture, "--precision", "f8"], in: folder)
        try expectUsage(["run", Demo.model, "--input", picture, "--threads", "0"], in: folder)
        try expectUsage(["run"], in: folder)
        try expectUsage(["walk"], in: folder)
    }

    @Test("A picture folder that is empty, missing or not a folder, and an unwritable report path, are refused")
    func assess() throws {
        let folder = try TemporaryFolder()
        let files = try BadFiles(in: folder)
        func assess(images: String, out: String, _ rest: [String] = []) -> [String] {
            ["assess", Demo.model, "--images", images, "--out", out] + rest
        }
        let out = folder.file("out")
        for (images, word) in [(files.empty, "empty"), (folder.file("none"), "none"), (files.text, "text.onnx")] {
            try expectRefused(assess(images: images, out: out), naming: word, in: folder)
        }
        try expectRefused(assess(images: Demo.pictures, out: files.text), naming: "text.onnx", in: folder)
        try expectRefused(assess(images: Demo.pictures, out: folder.file("none/out")), naming: "none/out", in: folder)
        try expectRefused(assess(images: Demo.pictures, out: files.directory + "/.."), naming: "holds", in: folder)
        try expectRefused(assess(images: Demo.pictures, out: out, ["--cut", "nowhere"]), naming: "nowhere", in: folder)
        try expectRefused(assess(images: Demo.pictures, out: out, ["--limit", "2"]), naming: "2 pictures", in: folder)
        try expectRefused(
            assess(images: Demo.pictures, out: out, ["--validator", files.truncated]), naming: "truncated.onnx",
            in: folder)
    }

    @Test(
        "inspect --plan and bench refuse an input that would need 43 GB",
        arguments: [["inspect", "--plan"], ["bench"]])
    func hugeInput(_ command: [String]) throws {
        let folder = try TemporaryFolder()
        let model = try folder.write(
            "[net]\nheight=60000\nwidth=60000\nchannels=3\n[avgpool]\n[softmax]\n", to: "huge.cfg")
        _ = try folder.write([0, 0, 0, 0, 2] + [UInt8](repeating: 0, count: 15), to: "huge.weights")
        let arguments = [command[0], model] + command.dropFirst()
        try expectRefused(arguments, naming: "43200000000 bytes", in: folder)
    }

    @Test("A corrupt picture is skipped with a warning by assess, and stops classify")
    func corruptPicture() throws {
        let folder = try TemporaryFolder()
        let files = try BadFiles(in: folder)
        let pictures = try folder.makeFolder("pictures")
        let names = try FileManager.default.contentsOfDirectory(atPath: Demo.pictures).sorted().prefix(12)
        for name in names {
            try FileManager.default.copyItem(atPath: "\(Demo.pictures)/\(name)", toPath: "\(pictures)/\(name)")
        }
        try FileManager.default.copyItem(atPath: files.corruptPicture, toPath: pictures + "/000-corrupt.jpg")
        let out = folder.file("out")
        let outcome = try succeed(
            ["assess", Demo.model, "--images", pictures, "--out", out, "--cut", "stage2.pool"], in: folder)
        #expect((outcome.output + outcome.errors).contains("000-corrupt.jpg"))
        let report = try JSONSerialization.jsonObject(with: Data(try bytes(of: out + "/assessment.json")))
        #expect((report as? [String: Any])?["images"] as? Int == 12)

        let deployment = try Deployment(in: folder)
        let server = try Server(provisioned: deployment)
        try expectRefused(
            ["classify"] + deployment.target(server.url) + ["--token", deployment.token, picture]
                + [files.corruptPicture], naming: "corrupt.jpg", in: folder)
        #expect(try server.metric("answers_total") == 0)
    }

    @Test("Invalid keys and outputs of keygen and partition are refused")
    func keys() throws {
        let folder = try TemporaryFolder()
        let files = try BadFiles(in: folder)
        let deployment = try Deployment(in: folder)
        try expectRefused(["keygen", "token", "--out", deployment.token], naming: "exists", in: folder)
        try expectRefused(
            ["keygen", "owner", "--out", folder.file("none/key")], naming: "none/key", in: folder)
        try expectUsage(["keygen", "king", "--out", folder.file("key")], in: folder)

        func partition(
            front: String = "stage2.pool", mapping: String = "logits", labels: String = Demo.labels,
            out: String? = nil, key: String? = nil, owner: String? = nil, _ rest: [String] = []
        ) -> [String] {
            [
                "partition", Demo.model, "--front", front, "--mapping", mapping, "--labels", labels, "--out",
                out ?? folder.file("new.infenclave"), "--key-out", key ?? folder.file("new.key"), "--owner-key",
                owner ?? deployment.ownerKey,
            ] + rest
        }
        try expectRefused(partition(out: deployment.bundle), naming: "exists", in: folder)
        try expectRefused(partition(key: deployment.modelKey), naming: "exists", in: folder)
        try expectRefused(partition(out: folder.file("none/b.infenclave")), naming: "none/b.infenclave", in: folder)
        try expectRefused(partition(key: folder.file("none/key")), naming: "none/key", in: folder)
        try expectRefused(partition(front: "nowhere"), naming: "nowhere", in: folder)
        try expectRefused(partition(front: "logits", mapping: "stage2.pool"), naming: "before", in: folder)
        try expectRefused(partition(labels: folder.file("none.txt")), naming: "none.txt", in: folder)
        let three = try folder.write("a\nb\nc\n", to: "three.txt")
        try expectRefused(partition(labels: three), naming: "10 classes", in: folder)
        for count in ["0", "11"] {
            try expectRefused(partition(["--top-k", count]), naming: "--top-k", in: folder)
        }
        for owner in [folder.file("none.key"), files.directory, deployment.token] {
            try expectRefused(
                partition(owner: owner), naming: URL(filePath: owner).lastPathComponent, in: folder)
        }
        let open = try folder.write(try bytes(of: deployment.ownerKey), to: "open.key")
        try #require(chmod(open, 0o644) == 0)
        try expectRefused(partition(owner: open), naming: "chmod 600", in: folder)
        for (content, name) in [("{}", "plan-a.json"), ("no JSON", "plan-b.json")] {
            let plan = try folder.write(content, to: name)
            try expectRefused(
                [
                    "partition", Demo.model, "--plan", plan, "--labels", Demo.labels, "--out", folder.file("new"),
                    "--key-out", folder.file("new.key"),
                ], naming: name, in: folder)
        }
        try expectUsage(Array(partition().dropLast(6)), in: folder)
        try expectUsage(
            [
                "partition", Demo.model, "--front", "stem.pool", "--labels", Demo.labels, "--out", "b", "--key-out",
                "k",
            ], in: folder)
    }

    @Test("serve refuses invalid bundles and ports that are in use")
    func serving() throws {
        let folder = try TemporaryFolder()
        let files = try BadFiles(in: folder)
        let deployment = try Deployment(in: folder)
        for bundle in [folder.file("none"), files.text, files.empty] {
            let word = URL(filePath: bundle).lastPathComponent
            try expectRefused(
                ["policy", bundle, "--tee", "development", "--out", folder.file("p.json")], naming: word, json: false,
                in: folder)
            try expectRefused(
                [
                    "serve", bundle, "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen",
                    "127.0.0.1:0",
                ], naming: word, json: false, in: folder)
        }
        let (descriptor, port) = try Loopback.listen()
        defer { close(descriptor) }
        let serve = [
            "serve", deployment.bundle, "--tee", "development", "--admin-listen", "127.0.0.1:0", "--listen",
        ]
        try expectRefused(serve + ["127.0.0.1:\(port)"], naming: "127.0.0.1:\(port)", json: false, in: folder)
        try expectRefused(
            serve + ["127.0.0.1:0", "--admin-listen", "127.0.0.1:\(port)"], naming: "--admin-listen", json: false,
            in: folder)
        try expectRefused(
            serve + ["127.0.0.1:0", "--enclave", files.text], naming: "text.onnx", json: false, in: folder)
        try expectRefused(
            serve + ["127.0.0.1:0", "--enclave", "/bin/true"], naming: "enclave", json: false, in: folder)
        try expectRefused(
            ["policy", deployment.bundle, "--tee", "development", "--out", folder.file("none/p.json")],
            naming: "none/p.json", json: false, in: folder)
        try expectRefused(
            ["policy", deployment.bundle, "--tee", "tdx", "--out", folder.file("p.json")], naming: "tdx", json: false,
            in: folder)
        try expectUsage(serve + ["127.0.0.1"], in: folder)
        try expectUsage(serve + ["127.0.0.1:65536"], in: folder)
        try expectUsage(serve + ["127.0.0.1:0", "--admin-listen", "nowhere"], in: folder)
        try expectUsage(serve + ["127.0.0.1:0", "--connections-per-address", "0"], in: folder)
        try expectUsage(["serve", deployment.bundle], in: folder)
        try expectUsage(["serve", deployment.bundle, "--tee", "magic"], in: folder)
    }

    @Test("Clients refuse unreachable servers, other servers and missing arguments")
    func clients() throws {
        let folder = try TemporaryFolder()
        let files = try BadFiles(in: folder)
        let deployment = try Deployment(in: folder)
        let port = try Loopback.Port()
        defer { withExtendedLifetime(port) {} }
        let nobody = port.url
        let classify = ["--token", deployment.token, picture]
        try expectRefused(["attest"] + deployment.target(nobody), naming: nobody, in: folder)
        try expectRefused(deployment.provisionArguments(nobody), naming: nobody, in: folder)
        try expectRefused(["classify"] + deployment.target(nobody) + classify, naming: nobody, in: folder)
        try expectRefused(["attest"] + deployment.target("127.0.0.1"), naming: "server address", in: folder)

        let stranger = try CannedServer(type: "text/html", body: Array("<html>Hello</html>".utf8))
        try expectRefused(["attest"] + deployment.target(stranger.url), naming: "evidence document", in: folder)
        let lost = try CannedServer(status: "404 Not Found", type: "text/html", body: Array("<html>no</html>".utf8))
        try expectRefused(["attest"] + deployment.target(lost.url), naming: "404", in: folder)

        for policy in [folder.file("none.json"), files.text, files.directory] {
            let word = URL(filePath: policy).lastPathComponent
            try expectRefused(
                ["attest", "--server", nobody, "--policy", policy, "--tee", "development"], naming: word, in: folder)
        }
        let target = ["classify"] + deployment.target(nobody)
        for token in [folder.file("none.token"), deployment.ownerKey, files.directory] {
            try expectRefused(
                target + ["--token", token, picture], naming: URL(filePath: token).lastPathComponent, in: folder)
        }
        let open = try folder.write(try bytes(of: deployment.token), to: "open.token")
        try #require(chmod(open, 0o640) == 0)
        try expectRefused(target + ["--token", open, picture], naming: "chmod 600", in: folder)
        for image in [folder.file("none.png"), files.text, files.corruptPicture] {
            try expectRefused(
                target + ["--token", deployment.token, image], naming: URL(filePath: image).lastPathComponent,
                in: folder)
        }
        try expectUsage(target + ["--token", deployment.token], in: folder)
        try expectUsage(target + ["--token", deployment.token, "--top", "0", picture], in: folder)
        try expectUsage(["provision"] + deployment.target(nobody) + ["--key", "a", "--owner-key", "b"], in: folder)
        try expectUsage(["attest"], in: folder)
    }
}
