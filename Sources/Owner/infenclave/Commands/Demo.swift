// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import Foundation
import HostCore
import Imaging
import InfenclaveClient
import InfenclaveImaging
import Inference
import SealedChannel
import Tensors

struct Demo: Command {
    static let configuration = CommandConfiguration(
        abstract: "Do everything once on the built-in model: assess, partition, serve, attest, provision, classify.",
        discussion: "Every command that it runs is printed, so that it can be repeated.")

    @Option(help: ArgumentHelp("The folder to write; an earlier demo in it is replaced.", valueName: "dir")) var out =
        "infenclave-demo"
    @Option(help: ArgumentHelp("The folder with the built-in model and pictures.", valueName: "dir")) var assets:
        String?

    func execute() async throws {
        let assets = try resolvedAssets()
        let folder = try TrialFolder(out, holding: Self.products).prepared()
        func asset(_ name: String) -> String { TrialFolder.asTyped(assets.appending(path: name)) }
        func file(_ name: String) -> String { TrialFolder.asTyped(folder.appending(path: name)) }

        let assess = [
            "assess", asset("classifier.onnx"), "--images", asset("pictures"), "--validator", asset("validator.onnx"),
            "--work", file("work"),
        ]
        try await step(
            "Assessment: what can an attacker with pictures like yours recover at each cut? Appearance, identity and class.",
            assess + ["--out", file("assessment")])
        try await step(
            "Keys: the owner's signing key, and a client's access token.",
            ["keygen", "owner", "--out", file("owner.key")], ["keygen", "token", "--out", file("client.token")])
        let pictures = ["stop.png", "speed-limit-30.png", "pedestrian-crossing.png"].map { asset("client/\($0)") }
        let trial = ServedTrial(
            model: asset("classifier.onnx"), labels: asset("labels.txt"), ownerKey: file("owner.key"),
            token: file("client.token"), file: file)
        announce("First deployment: the recommended plan, with all three assets protected.")
        try await trial.serve(
            ["--plan", file("assessment/plan.json")], named: "signs", pictures: pictures
        ) { server, policy in
            try await compareTimes(
                server: server.url, assets: assets, picture: pictures[0], policy: policy, token: file("client.token"))
        }
        try await step(
            "Second deployment: with only appearance protected, and against an attacker with 300 pictures, a cut may pass.",
            assess + [
                "--protect", "appearance", "--attacker-pictures", "300", "--out", file("appearance"),
            ])
        if let cut = try ServedTrial.cut(of: file("appearance/assessment.json")) {
            announce(
                "The cut after '\(cut.front)' passes. FrontNet and mapping unit run in the enclave, the BackNet on the host."
                    + (cut.isWorthwhile
                        ? ""
                        : " It is shown for illustration: assess advises everything inside here, since the "
                            + "cut saves too little.")
            )
            try await trial.serve(
                [
                    "--front", cut.front, "--mapping", cut.mapping, "--assessment", file("appearance/assessment.json"),
                ], named: "cut", pictures: [pictures[0]]
            ) { _, _ in }
            printLines(
                """
                What the host saw: in the first deployment only ciphertext; in the second also, not encrypted, \
                \(formatted(bytes: cut.bytesOut)) out and \(formatted(bytes: cut.bytesBack)) back per picture. \
                \(file("appearance/report.html")) shows what an attacker recovers from them.
                """)
        } else {
            print("No cut passes, so there is no second deployment with these pictures.")
        }
        printLines(
            """
            The report, with pictures of what each cut reveals: \(file("assessment/report.html"))
            The development TEE is an ordinary process. It shows how everything works, and protects nothing.
            """)
    }

    private func compareTimes(
        server: String, assets: URL, picture: String, policy: String, token: String
    ) async throws {
        announce("Latency: the plain model, and the same model in the enclave.")
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
                    "plain, in this process: %.2f ms; in the enclave, over HTTP, from picture to decrypted answer: %.2f ms (medians of %d)",
                plain.milliseconds, confidential.milliseconds, confidential.runs))
        print("")
    }

    private func step(_ why: String, _ commands: [String]...) async throws {
        announce(why)
        for arguments in commands { try await ServedTrial.run(arguments) }
    }

    private func announce(_ text: String) { print("== \(text)") }

    /// The folder in the source tree that this program was built from, or the one that `make install` creates.
    private func resolvedAssets() throws -> URL {
        var candidates: [URL] = []
        if let assets {
            candidates = [URL(filePath: assets)]
        } else {
            var folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            while folder.path != "/" {
                candidates.append(folder.appending(path: "Examples/demo"))
                candidates.append(folder.appending(path: "share/infenclave/demo"))
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
        "assessment", "appearance", "work", "owner.key", "client.token", "signs.infenclave", "signs.key",
        "signs-policy.json", "cut.infenclave", "cut.key", "cut-policy.json",
    ]
}
