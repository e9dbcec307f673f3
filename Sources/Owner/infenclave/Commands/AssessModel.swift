// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import AssessmentReport
import Foundation
import LeakageAssessment

struct AssessModel: Command {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Measure the leakage at every cut, and recommend a partition.",
        discussion: """
            Writes assessment.json, plan.json and report.html into --out. The report contains pictures: protect it \
            like them. The validator is an independent classifier of similar pictures; without one the model judges \
            itself, and the report says so. Intermediate results are kept in --work, and the same command resumes \
            after an interruption. `infenclave assess merge` joins the results of several machines.
            """)

    @OptionGroup var arguments: AssessmentArguments
    @Option(help: ArgumentHelp("The folder to write.", valueName: "dir")) var out: String?
    @Option(
        help: ArgumentHelp(
            "The folder for intermediate results, which are kept; by default in --out until the report is written.",
            valueName: "dir"))
    var work: String?
    @Option(
        help: ArgumentHelp(
            "Compute only part I of N, as I/N, into --work; `assess merge` merges the parts.", valueName: "i/n"))
    var shard: Shard?
    @Option(
        help:
            ArgumentHelp(
                "Time budget, such as 90s, 10m or 2h: attack only cuts with an open verdict instead of every cut.",
                valueName: "time")
    )
    var budget: LeaseTime?
    @Flag(
        help:
            "Measure only the cost of each cut, without --images and --out: latency, enclave memory, bytes that cross.")
    var costOnly = false
    @Flag(help: "Print a summary as JSON.") var json = false

    func validate() throws {
        if costOnly {
            guard arguments.images == nil, out == nil, work == nil, shard == nil, arguments.publicBackbone == nil,
                !arguments.noise, arguments.attack.isEmpty, budget == nil
            else {
                throw ValidationError(
                    "--cost-only goes without --images, --out, --work, --shard, --budget, --noise, --attack and "
                        + "--public-backbone")
            }
        } else if shard != nil {
            guard arguments.images != nil, out == nil, work != nil, budget == nil else {
                throw ValidationError(
                    "--shard goes with --images FOLDER and --work FOLDER, and without --out and --budget")
            }
        } else {
            guard arguments.images != nil, let out else {
                throw ValidationError("give --images FOLDER and --out FOLDER, or --cost-only without them")
            }
            guard work.map({ !WorkFolder.lies($0, in: out) }) ?? true else {
                throw ValidationError("--work must not be in --out, which is replaced")
            }
        }
    }

    func execute() async throws {
        let model = try arguments.source.load(for: arguments.preprocess)
        if costOnly { return try await printCosts(of: model) }
        if let out { try AssessmentReport.checkWritable(out) }
        let configuration = try arguments.configuration(of: model)
        let assessor = try Assessor(configuration)
        if let shard, let work { return try await compute(shard, assessor, work) }
        guard let out else { return }
        let backbone = try await arguments.backbone(of: model)
        let folder = try WorkDirectory(work ?? WorkFolder.inside(out))
        let budgeted = try budget.map { try BudgetedAssessment(configuration, budget: .seconds($0.seconds)) }
        try await AssessmentRun.report(backbone: backbone, out: out, json: json) { cancellation, meter in
            try budgeted?.run(work: folder, cancellation: cancellation, progress: meter.show)
                ?? assessor.run(
                    work: folder, cancellation: cancellation, progress: meter.show, forecast: meter.show)
        }
    }

    private func compute(_ shard: Shard, _ assessor: Assessor, _ work: String) async throws {
        let folder = try WorkDirectory(work)
        let note = [FileManager.default.currentDirectoryPath] + CommandLine.arguments.dropFirst()
        try await AssessmentRun.interruptibly { cancellation, meter in
            try assessor.run(shard, note: note, work: folder, cancellation: cancellation, progress: meter.show)
        }
        if json {
            struct Summary: Encodable { let work: String, shard: Int, shards: Int }
            return try printJSON(Summary(work: work, shard: shard.index, shards: shard.count))
        }
        print("shard \(shard) is complete in \(work)")
    }

    private func printCosts(of model: LoadedModel) async throws {
        let configuration = try arguments.costConfiguration(of: model)
        let costs = try await AssessmentRun.interruptibly { cancellation, meter in
            try CostAssessment.measure(configuration, cancellation: cancellation, progress: meter.show)
        }
        if json {
            printLines(
                CostJSON.text(of: costs, model: try configuration.model.description(), budgets: arguments.budgets))
        } else {
            printLines(CostTable(costs, budgets: arguments.budgets).text)
        }
    }
}

extension Shard: ExpressibleByArgument {
    /// `I/N`.
    package init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let index = parts[0], let count = parts[1],
            let shard = try? Shard(index, of: count)
        else { return nil }
        self = shard
    }
}
