// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import AssessmentReport
import BundleFormat
import Foundation
import Inference
import LeakageAssessment
import ModelGraph
import Partitioning
import Tensors

struct Bench: Command {
    static let configuration = CommandConfiguration(
        abstract: "Measure latency: plain, partitioned, everything inside.",
        discussion: """
            A model alone is run without an enclave. With a plan, or with cuts, the same model is also served on \
            this machine in the development TEE, partitioned and with everything inside, and measured over HTTP. A \
            bundle in place of the model is served with its keys and measured.
            """)

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @OptionGroup var arithmetic: PrecisionArguments
    @Option(
        help: ArgumentHelp("Compare the answers with those in f32, on the pictures of this folder.", valueName: "dir"))
    var accuracy: String?
    @Option(help: ArgumentHelp("A plan.json of `assess`.", valueName: "file")) var plan: String?
    @Option(help: ArgumentHelp("The last layer of the FrontNet.", valueName: "layer")) var front: String?
    @Option(help: ArgumentHelp("The last layer before the mapping unit.", valueName: "layer")) var mapping: String?
    @Option(help: ArgumentHelp("Runs of each kind.", valueName: "n")) var runs = 50
    @Flag(help: "Also measure throughput: inferences per second with one inference per thread.")
    var throughput = false
    @Option(help: ArgumentHelp("Also run batches of this many pictures.", valueName: "n")) var batch: Int?
    @Option(help: ArgumentHelp("For a bundle in place of a model: its model key.", valueName: "file")) var key: String?
    @Option(help: ArgumentHelp("For a bundle: its owner's signing key.", valueName: "file")) var ownerKey: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...100_000).contains(runs) else { throw ValidationError("--runs takes 1 to 100000") }
        guard (1...4096).contains(batch ?? 1) else { throw ValidationError("--batch takes 1 to 4096") }
        guard (front == nil) == (mapping == nil), plan == nil || front == nil else {
            throw ValidationError("give --plan, or both --front and --mapping, or neither")
        }
        guard (key == nil) == (ownerKey == nil) else { throw ValidationError("--key and --owner-key go together") }
        guard key == nil || (plan == nil && front == nil && accuracy == nil && arithmetic.precision == "f32") else {
            throw ValidationError("a bundle has its cuts and its precision already")
        }
    }

    func execute() async throws {
        if let key, let ownerKey { return try await benchBundle((key, ownerKey)) }
        let model = try source.load(for: preprocess)
        let threads = try engine.resolvedThreads()
        let input = try model.imageInput()
        let tensor = try Self.pattern(input.type)
        let (arithmetic, preprocess, accuracy) = (arithmetic, preprocess, accuracy)
        let table = try await onOwnThread {
            // A precision whose accuracy is requested is measured, even if it is slower.
            try arithmetic.resolved(
                for: model, preprocess, threads: threads, runsHere: accuracy == nil, substitute: tensor)
        }
        var options = PlanOptions(threads: threads, precision: Precision(table))
        options.keepsSlowPrecision = accuracy != nil
        var report = Report(
            model: model.path, precision: table.level.label, threads: threads,
            plain: try await Self.plain(model.graph, tensor, options, runs: runs))
        if table.level > .float32 {
            report.float32 = try await Self.plain(model.graph, tensor, PlanOptions(threads: threads), runs: runs)
        }
        if throughput { report.throughput = try await Self.throughput(model.graph, tensor, options, runs: runs) }
        if let batch { report.batch = try await Self.batch(of: batch, model.graph, input.type, options, runs: runs) }
        if let accuracy {
            let original = source.storedWeights != nil ? try source.load(for: preprocess, rounding: false) : model
            report.accuracy = try await onOwnThread {
                try PrecisionAccuracy.measure(
                    model, against: original.graph, preprocess, table, folder: accuracy,
                    used: try arithmetic.pictures(), threads: threads)
            }
        }
        if plan != nil || front != nil {
            let trial = ConfidentialTrial(threads: threads, runs: runs)
            let read = try plan.map { try PlanFile.read($0, for: model) }
            report.confidential = try await trial.measure(
                model, table, front: read?.front ?? front ?? "", mapping: read?.mapping ?? mapping ?? "")
            let deepest = model.graph.cuts.last?.name ?? ""
            report.allInside = try await trial.measure(model, table, front: deepest, mapping: deepest)
        }
        if json { try printJSON(report) } else { printLines(report.text) }
    }

    /// Measures a served bundle alone, in the precision that it was partitioned with.
    private func benchBundle(_ keys: (model: String, owner: String)) async throws {
        let opened = try OpenedBundle(opening: source.model)
        let threads = try engine.resolvedThreads()
        let timing = try await ConfidentialTrial(threads: threads, runs: runs).measure(
            bundle: source.model, modelKey: keys.model, ownerKey: keys.owner)
        var report = Report(
            model: source.model, precision: opened.manifest.precision, threads: threads, plain: nil)
        if opened.manifest.cuts.everythingInside { report.allInside = timing } else { report.confidential = timing }
        if json { try printJSON(report) } else { printLines(report.text) }
    }

    /// Values between -1 and 1.
    private static func pattern(_ type: TensorType) throws -> Tensor {
        try InputMemory.tensor(type) { bytes in
            let values = bytes.bindMemory(to: Float.self)
            for index in values.indices { values[index] = Float(index % 255) / 127.5 - 1 }
        }
    }

    /// The time of the whole model in this process, on as many threads as pay.
    static func plain(_ graph: Graph, _ tensor: Tensor, _ options: PlanOptions, runs: Int) async throws -> Timing {
        var options = options
        options.threads = graph.usefulThreads(atMost: options.threads)
        let chosen = options
        let plan = try await onOwnThread { try Plan(compiling: graph, options: chosen) }
        let executor = InferenceExecutor()
        defer { executor.shutDown() }
        return try await executor.run { () throws(InferenceError) in
            try Timing.measureHere(runs: runs) { () throws(InferenceError) in _ = try plan.run([tensor]) }
        }
    }

    /// Inferences per second with one inference per thread.
    static func throughput(
        _ graph: Graph, _ tensor: Tensor, _ options: PlanOptions, runs: Int
    ) async throws -> Double {
        var single = options
        single.threads = 1
        let chosen = single
        var plans: [Plan] = []
        for _ in 0..<options.threads {
            // The weights are held once.
            let others = plans
            plans.append(
                try await onOwnThread { try Plan(compiling: graph, options: chosen, sharingWith: others) })
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

    /// The latency of a batch on all threads.
    private static func batch(
        of count: Int, _ graph: Graph, _ type: TensorType, _ options: PlanOptions, runs: Int
    ) async throws -> Batch {
        let shape: Shape
        do throws(TensorError) { shape = try Shape([count] + type.shape.dimensions.dropFirst()) } catch {
            throw CommandFailure("batch", error.message)
        }
        let images = try pattern(TensorType(type.element, shape))
        let inference = try BatchedInference(graph, options: options)
        let executor = InferenceExecutor()
        defer { executor.shutDown() }
        let timing = try await Timing.measure(runs: runs) {
            _ = try await executor.run { () throws(InferenceError) in try inference.run([images]) }
        }
        return Batch(images: count, milliseconds: timing.milliseconds, p90: timing.p90, runs: timing.runs)
    }

    /// Latencies of whole batches.
    struct Batch: Encodable {
        let images: Int
        let milliseconds, p90: Double
        let runs: Int

        var perSecond: Double { Double(images) * 1000 / milliseconds }
    }

    struct Report: Encodable {
        let model, precision: String
        let threads: Int
        let plain: Timing?
        /// The same in f32, if `precision` is another.
        var float32: Timing?
        var confidential: Timing?
        var allInside: Timing?
        var accuracy: PrecisionAccuracy?
        /// Inferences per second, one per thread at a time.
        var throughput: Double?
        var batch: Batch?

        var text: String {
            func row(_ name: String, _ timing: Timing) -> [String] {
                [
                    name, String(format: "%.2f", timing.milliseconds), String(format: "%.2f", timing.p90),
                    "\(timing.runs)",
                    plain.map { String(format: "%.2f", timing.milliseconds / $0.milliseconds) } ?? "-",
                ]
            }
            var rows = [["", "median ms", "p90 ms", "runs", "of plain"]]
            if let plain { rows.append(row("plain", plain)) }
            if let float32 { rows.append(row("plain, f32", float32)) }
            if let confidential { rows.append(row("partitioned, served", confidential)) }
            if let allInside { rows.append(row("all inside, served", allInside)) }
            var table = TextTable(rows: rows, rightAligned: [1, 2, 3, 4]).description
            if let throughput {
                table += "\n" + String(format: "%.1f in a second, one on each of %d threads", throughput, threads)
                if let plain {
                    table += String(format: "; %.1f one after the other", 1000 / plain.milliseconds)
                }
            }
            if let batch {
                table +=
                    "\n"
                    + String(
                        format: "%.1f in a second in batches of %d, %.2f ms each", batch.perSecond, batch.images,
                        batch.milliseconds)
            }
            // Medians of consecutive measurements differ by a few percent.
            if let plain, let float32, plain.milliseconds > 1.02 * float32.milliseconds {
                table += "\n\(precision) was no faster than f32 here"
            }
            guard let accuracy else { return table }
            return table + "\n" + accuracy.text(precision)
        }
    }
}
