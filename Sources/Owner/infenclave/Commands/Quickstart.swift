// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import ModelGraph
import Partitioning

struct Quickstart: Command {
    static let configuration = CommandConfiguration(
        abstract: "Try a model: put everything inside an enclave, serve it on this machine, classify pictures.",
        discussion: """
            Keys, bundle, policy, server, owner and client are made with commands that are printed, so that they can \
            be repeated. The development TEE, in which the model is served, protects nothing. The server runs until \
            it is interrupted.
            """)

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @Option(help: ArgumentHelp("The class names, one per line, without control characters.", valueName: "file"))
    var labels: String
    @Option(
        help: ArgumentHelp("A picture to classify, JPEG, PNG, WebP, BMP, GIF or TIFF; repeatable.", valueName: "file"))
    var picture: [String] = []
    @Option(help: ArgumentHelp("The folder to write; an earlier trial in it is replaced.", valueName: "dir")) var out =
        "infenclave-quickstart"
    @Option(help: ArgumentHelp("The address to listen on; port 0 for any free port.", valueName: "address"))
    var listen = "127.0.0.1:8080"
    @Flag(help: "End after classifying the pictures.") var once = false

    func validate() throws {
        _ = try ListenAddress(listen)
        guard source.outputFile == nil else { throw ValidationError("--output takes the name of an output here") }
    }

    func execute() async throws {
        // Errors in model, labels or images are reported before anything is written.
        let model = try source.load(for: preprocess)
        let cuts = AssessedCuts.everythingInside(model)
        _ = try BundleRecipe(
            modelName: model.name, graph: model.graph, front: cuts.front, mapping: cuts.mapping,
            classNames: try Partition.classNames(labels), preprocessing: try preprocess.resolved(for: model)
        ).partitioned()
        for path in picture { _ = try InputFile.read(path) }
        let folder = try TrialFolder(
            out,
            holding: [
                "owner.key", "client.token", "model.infenclave", "model.key", "model-policy.json",
            ]
        ).prepared()
        func file(_ name: String) -> String { TrialFolder.asTyped(folder.appending(path: name)) }
        let trial = ServedTrial(
            model: source.model, reading: reading, listen: listen, labels: labels, ownerKey: file("owner.key"),
            token: file("client.token"), file: file)
        for (kind, path) in [("owner", trial.ownerKey), ("token", trial.token)] {
            try await ServedTrial.run(["keygen", kind, "--out", path])
        }
        try await trial.serve([], named: "model", pictures: picture) { server, policy in
            printLines(
                """
                The development TEE is an ordinary process. It shows how everything works, and protects nothing. \
                `infenclave assess` measures what a BackNet on the host would reveal of your pictures.
                """)
            guard !once else { return }
            print("Serving until interrupted. A client elsewhere needs \(policy) and \(trial.token):")
            print("")
            ServedTrial.show([
                "classify", "--server", server.url, "--policy", policy, "--tee", "development", "--token", trial.token,
                "PICTURE",
            ])
            try await server.waitUntilExit()
        }
    }

    /// The options of `partition` for reading the model in the same way.
    private var reading: [String] {
        var options: [String] = []
        for (name, value) in [
            ("--weights", source.weights), ("--shape", source.shape), ("--preprocess", preprocess.preprocess),
            ("--scores", source.scores?.rawValue),
        ] {
            if let value { options += [name, value] }
        }
        if source.storedWeights != nil { options += ["--store-weights", source.storeWeights] }
        return options + source.output.flatMap { ["--output", $0] }
    }
}
