import ArgumentParser
import Attestation
import Foundation
import InfenclaveClient
import Inference
import ModelGraph
import SealedChannel
import Tensors

struct Bench: Command {
    static let configuration = CommandConfiguration(
        abstract: "Measure where the time goes: plain, partitioned, everything inside.",
        discussion: """
            A model alone is run plainly. With a plan, or with cuts, the same model is also served on this machine in \
            the development TEE, partitioned and with everything inside, and asked over HTTP.
            """)

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @OptionGroup var arithmetic: PrecisionArguments
    @Option(help: "Compare the answers on the pictures of this folder with those in f32.") var accuracy: String?
    @Option(help: "A plan.json of `assess`.") var plan: String?
    @Option(help: "The last layer of the FrontNet.") var front: String?
    @Option(help: "The last layer before the mapping unit.") var mapping: String?
    @Option(help: "Runs of each kind.") var runs = 50
    @Flag(help: "Also run one inference on each thread at a time, and count how many are done in a second.")
    var throughput = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...100_000).contains(runs) else { throw ValidationError("--runs takes 1 to 100000") }
        guard (front == nil) == (mapping == nil), plan == nil || front == nil else {
            throw ValidationError("give --plan, or both --front and --mapping, or neither")
        }
    }

    func execute() async throws {
        let model = try source.load()
        let threads = try engine.resolvedThreads()
        let input = try model.imageInput()
        let tensor = Tensor(type: input.type) { bytes in
            let values = bytes.bindMemory(to: Float.self)
            for index in values.indices { values[index] = Float(index % 255) / 127.5 - 1 }
        }
        let (arithmetic, preprocess, accuracy) = (arithmetic, preprocess, accuracy)
        let precision = try await onOwnThread {
            try arithmetic.resolved(for: model, preprocess, threads: threads, substitute: tensor)
        }
        let options = PlanOptions(threads: threads, precision: precision)
        var report = Report(
            model: model.path, precision: precision.label, threads: threads,
            plain: try await Self.plain(model.graph, tensor, options, runs: runs))
        if throughput { report.throughput = try await Self.throughput(model.graph, tensor, options, runs: runs) }
        if let accuracy {
            report.accuracy = try await onOwnThread {
                try PrecisionAccuracy.measure(model, preprocess, precision, folder: accuracy, threads: threads)
            }
        }
        if plan != nil || front != nil {
            let trial = ConfidentialTrial(model: model, tensor: tensor, threads: threads, runs: runs)
            let cutArguments = plan.map { ["--plan", $0] } ?? ["--front", front ?? "", "--mapping", mapping ?? ""]
            report.confidential = try await trial.measure(cutArguments)
            let deepest = model.graph.cuts.last?.name ?? ""
            report.allInside = try await trial.measure(["--front", deepest, "--mapping", deepest])
        }
        if json { try printJSON(report) } else { print(report.text) }
    }

    /// The time of the whole model in this process.
    static func plain(_ graph: Graph, _ tensor: Tensor, _ options: PlanOptions, runs: Int) async throws -> Timing {
        let plan = try await onOwnThread { try Plan(compiling: graph, options: options) }
        let executor = InferenceExecutor()
        defer { executor.shutDown() }
        return try await Timing.measure(runs: runs) { _ = try await executor.run(plan, [tensor]) }
    }

    /// Inferences in a second when each thread does its own.
    static func throughput(
        _ graph: Graph, _ tensor: Tensor, _ options: PlanOptions, runs: Int
    ) async throws -> Double {
        var single = options
        single.threads = 1
        let chosen = single
        var plans: [Plan] = []
        for _ in 0..<options.threads {
            plans.append(try await onOwnThread { try Plan(compiling: graph, options: chosen) })
        }
        let executor = InferenceExecutor(workers: plans.count)
        defer { executor.shutDown() }
        let workers = plans
        func rounds(_ count: Int) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for plan in workers {
                    group.addTask { for _ in 0..<count { _ = try await executor.run(plan, [tensor]) } }
                }
                try await group.waitForAll()
            }
        }
        try await rounds(3)
        let start = ContinuousClock.now
        try await rounds(runs)
        return Double(runs * plans.count) / ((ContinuousClock.now - start).milliseconds / 1000)
    }

    struct Report: Encodable {
        let model, precision: String
        let threads: Int
        let plain: Timing
        var confidential: Timing?
        var allInside: Timing?
        var accuracy: PrecisionAccuracy?
        /// Inferences in a second, one on each thread at a time.
        var throughput: Double?

        var text: String {
            func row(_ name: String, _ timing: Timing) -> [String] {
                [
                    name, String(format: "%.2f", timing.milliseconds), String(format: "%.2f", timing.p90),
                    "\(timing.runs)", String(format: "%.2f", timing.milliseconds / plain.milliseconds),
                ]
            }
            var rows = [["", "median ms", "p90 ms", "runs", "of plain"], row("plain", plain)]
            if let confidential { rows.append(row("partitioned, served", confidential)) }
            if let allInside { rows.append(row("all inside, served", allInside)) }
            var table = TextTable(rows: rows, rightAligned: [1, 2, 3, 4]).description
            if let throughput {
                table += "\n" + String(format: "%.1f in a second, one on each of %d threads", throughput, threads)
            }
            guard let accuracy else { return table }
            let agreement = String(
                format: "%@ against f32 on %d pictures: same best class %.1f%%, mean divergence %.2g nats", precision,
                accuracy.images, 100 * accuracy.top1Agreement, accuracy.meanDivergence)
            return table + "\n" + agreement
        }
    }
}

/// A model served for the time of a measurement, with keys that live as long.
struct ConfidentialTrial {
    let model: LoadedModel
    let tensor: Tensor
    let threads: Int
    let runs: Int

    /// From a client's tensor to its result, over HTTP on this machine.
    func measure(_ cutArguments: [String]) async throws -> Timing {
        let folder = FileManager.default.temporaryDirectory.appending(path: "infenclave-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String) -> String { folder.appending(path: name).path }
        let classes = model.graph.type(of: model.graph.outputs[0]).shape.elementCount
        try OutputFile.write((0..<classes).map { "class \($0)" }.joined(separator: "\n").utf8, to: file("labels.txt"))
        try OutputFile.write(try JSONEncoder().encode(try preprocessing()), to: file("preprocess.json"))
        try await run(["keygen", "owner", "--out", file("owner.key")])
        try await run(["keygen", "token", "--out", file("token")])
        try await run(
            ["partition", model.path] + cutArguments + [
                "--labels", file("labels.txt"), "--preprocess", file("preprocess.json"), "--out",
                file("model.infenclave"), "--key-out", file("model.key"), "--owner-key", file("owner.key"),
            ])
        let developmentKey = ["--development-key", file("development.key")]
        let server = try ServerProcess(
            arguments: [
                "serve", file("model.infenclave"), "--tee", "development", "--listen", "127.0.0.1:0", "--threads",
                "\(threads)",
            ] + developmentKey)
        defer { server.stop() }
        try await run(
            ["policy", file("model.infenclave"), "--tee", "development", "--out", file("policy.json")] + developmentKey)
        let policy = try Policy(json: [UInt8](try InputFile.read(file("policy.json"))))
        let client = try InfenclaveClient(server: server.url, policy: policy, development: .dangerouslyAccept)
        let session = try await client.attest()
        let token = try AccessToken(contentsOf: file("token"))
        try await session.provision(
            modelKey: try ModelKey(contentsOf: file("model.key")),
            ownerKey: try OwnerSigningKey(contentsOf: file("owner.key")), tokens: [token.digest])
        return try await Timing.measure(runs: runs) { _ = try await session.classify(tensor, token: token) }
    }

    /// Any preprocessing that makes the model's shape: the measurement sends tensors.
    private func preprocessing() throws -> Preprocessing {
        let shape = try model.imageInput().type.shape
        let channels: Preprocessing.Channels = shape[1] == 1 ? .grey : .rgb
        guard shape[1] == channels.count else {
            throw CommandFailure("model", "\(model.path) takes \(shape[1]) channels, expected 1 or 3")
        }
        return try Preprocessing(
            width: shape[3], height: shape[2], channels: channels, resize: .stretch, interpolation: .bilinear,
            mean: [Float](repeating: 0, count: channels.count), std: [Float](repeating: 1, count: channels.count))
    }

    private func run(_ arguments: [String]) async throws { _ = try await OwnProgram.run(arguments) }
}
