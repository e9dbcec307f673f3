import ArgumentParser
import Attestation
import Foundation
import HostCore
import Imaging
import InfenclaveClient
import Inference
import SealedChannel
import Tensors

struct Demo: Command {
    static let configuration = CommandConfiguration(
        abstract: "Do everything once on the built-in model: assess, partition, serve, attest, provision, classify.",
        discussion: "Every command that it runs is printed, so that it can be repeated.")

    @Option(help: "The folder to write; an earlier demo in it is replaced.") var out = "infenclave-demo"
    @Option(help: "The folder with the built-in model and pictures.") var assets: String?

    func execute() async throws {
        let assets = try resolvedAssets()
        let folder = try prepareFolder()
        func asset(_ name: String) -> String { Self.relative(assets.appending(path: name)) }
        func file(_ name: String) -> String { Self.relative(folder.appending(path: name)) }

        try await step(
            "What would each cut leak? An attacker with pictures like yours tries to look through every one.",
            [
                "assess", asset("classifier.onnx"), "--images", asset("pictures"), "--validator",
                asset("validator.onnx"), "--out", file("assessment"),
            ])
        try await step(
            "Keys: one signs for the model's owner, one lets a client in.",
            ["keygen", "owner", "--out", file("owner.key")], ["keygen", "token", "--out", file("client.token")])
        try await step(
            "Cut the model as recommended, if a cut is better than everything inside, and seal what goes inside.",
            [
                "partition", asset("classifier.onnx"), "--plan", file("assessment/plan.json"), "--labels",
                asset("labels.txt"), "--out", file("signs.infenclave"), "--key-out", file("model.key"), "--owner-key",
                file("owner.key"),
            ])
        try await step(
            "What clients will demand: this owner, this bundle, this enclave.",
            ["policy", file("signs.infenclave"), "--tee", "development", "--out", file("policy.json")])

        announce("Serve it. The host sees ciphertext, and what crosses the cut where there is one.")
        let serve = [
            "serve", file("signs.infenclave"), "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen",
            "127.0.0.1:0",
        ]
        show(serve)
        let server = try ServerProcess(arguments: serve)
        defer { server.stop() }
        print("serving at \(server.url)\n")
        let target = ["--server", server.url, "--policy", file("policy.json"), "--tee", "development"]
        try await step("Whom are we talking to?", ["attest"] + target)
        try await step(
            "The owner hands the model key to the enclave that was just verified, and to nobody else.",
            ["provision"] + target + [
                "--key", file("model.key"), "--owner-key", file("owner.key"), "--client-token", file("client.token"),
            ])
        let pictures = ["stop.png", "speed-limit-30.png", "pedestrian-crossing.png"].map { asset("client/\($0)") }
        try await step(
            "A client classifies three pictures.",
            ["classify"] + target + ["--token", file("client.token"), "--top", "3"] + pictures)
        try await compareTimes(
            server: server.url, assets: assets, picture: pictures[0], policy: file("policy.json"),
            token: file("client.token"))
        print(
            """
            The report with pictures of what each cut shows: \(file("assessment/report.html"))
            The development TEE is an ordinary process: it shows how everything works, and protects nothing from whoever \
            owns this machine.
            """)
    }

    private func compareTimes(
        server: String, assets: URL, picture: String, policy: String, token: String
    ) async throws {
        announce("What does confidentiality cost?")
        let model = try LoadedModel(path: assets.appending(path: "classifier.onnx").path)
        let preprocessing = try PreprocessArguments.file(nil).resolved(for: model)
        let image = try Image(contentsOf: picture)
        let tensor = try Preprocessor(preprocessing).tensor(of: image)
        let threads = UsableProcessors.count()
        let plain = try await Bench.plain(model.graph, tensor, PlanOptions(threads: threads), runs: 100)
        let read = try Policy(json: [UInt8](try InputFile.read(policy)))
        let session = try await InfenclaveClient(
            server: server, policy: read, development: .dangerouslyAccept
        ).attest()
        let accessToken = try AccessToken(contentsOf: token)
        let confidential = try await Timing.measure(runs: 100) {
            _ = try await session.classify(image, token: accessToken)
        }
        print(
            String(
                format:
                    "plain, in this process: %.2f ms; confidential, client to client over HTTP: %.2f ms (medians of %d)\n",
                plain.milliseconds, confidential.milliseconds, confidential.runs))
    }

    /// Prints why, then runs and shows each command.
    private func step(_ why: String, _ commands: [String]...) async throws {
        announce(why)
        for arguments in commands {
            show(arguments)
            print(try await OwnProgram.run(arguments))
        }
    }

    private func announce(_ text: String) { print("== \(text)") }

    private func show(_ arguments: [String]) {
        let quoted = arguments.map { $0.contains(" ") ? "'\($0)'" : $0 }
        print("$ infenclave \(quoted.joined(separator: " "))")
    }

    /// The folder beside the sources that this program was built from, unless another is named.
    private func resolvedAssets() throws -> URL {
        var candidates: [URL] = []
        if let assets {
            candidates = [URL(filePath: assets)]
        } else {
            var folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            while folder.path != "/" {
                candidates.append(folder.appending(path: "Examples/demo"))
                folder.deleteLastPathComponent()
            }
        }
        let found = candidates.first {
            FileManager.default.fileExists(atPath: $0.appending(path: "classifier.onnx").path)
        }
        guard let found else {
            throw CommandFailure(
                "demo", "the built-in model is not beside this program", remedy: "name its folder with --assets DIR")
        }
        return found
    }

    private static let products = [
        "assessment", "owner.key", "client.token", "signs.infenclave", "model.key", "policy.json",
    ]

    private func prepareFolder() throws -> URL {
        let folder = URL(filePath: out)
        let manager = FileManager.default
        if manager.fileExists(atPath: folder.path) {
            let strangers = ((try? manager.contentsOfDirectory(atPath: folder.path)) ?? ["?"]).filter {
                !Self.products.contains($0)
            }
            guard strangers.isEmpty else {
                throw CommandFailure(
                    "demo", "\(out) holds \(strangers[0]), which is not of an earlier demo",
                    remedy: "name another folder with --out DIR")
            }
            try manager.removeItem(at: folder)
        }
        do {
            try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure("demo", "\(out) cannot be made", remedy: "name another folder with --out DIR")
        }
        return folder
    }

    /// A path as the reader would type it.
    private static func relative(_ url: URL) -> String {
        let current = FileManager.default.currentDirectoryPath + "/"
        return url.path.hasPrefix(current) ? String(url.path.dropFirst(current.count)) : url.path
    }
}
