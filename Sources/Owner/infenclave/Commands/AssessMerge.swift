// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import AssessmentReport
import Foundation
import LeakageAssessment

struct AssessMerge: Command {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merge the shards of an assessment.",
        discussion: """
            Repeats the first shard's command with the results of all shards, and computes what they did not, such \
            as decoders near the decision. The model and the pictures must still be at the paths of that command. \
            Shards with other or changed inputs are refused.
            """)

    @Argument(help: "The folders that the shards wrote with --work.") var shards: [String]
    @Option(help: ArgumentHelp("The folder to write.", valueName: "dir")) var out: String
    @Option(
        help: ArgumentHelp(
            "The folder for intermediate results, which are kept; by default in --out until the report is written.",
            valueName: "dir"))
    var work: String?
    @Flag(help: "Print a summary as JSON.") var json = false

    func validate() throws {
        guard work.map({ !WorkFolder.lies($0, in: out) }) ?? true else {
            throw ValidationError("--work must not be in --out, which is replaced")
        }
    }

    func execute() async throws {
        let manager = FileManager.default
        let start = URL(filePath: manager.currentDirectoryPath, directoryHint: .isDirectory)
        func absolute(_ path: String) -> String { URL(filePath: path, relativeTo: start).path }
        let (folders, out) = (shards.map(absolute), absolute(out))
        let records = try ShardRecord.all(in: folders)
        let folder = try WorkDirectory(work.map(absolute) ?? WorkFolder.inside(out), others: folders)
        try AssessmentReport.checkWritable(out)
        // The paths in the shard's command are relative to its folder.
        guard let first = records.first, let place = first.note.first,
            manager.changeCurrentDirectoryPath(place)
        else {
            throw CommandFailure(
                "assessment", "the folder in which the first shard was computed is not there",
                remedy: "merge where the model and the pictures are at the same paths")
        }
        guard let command = try Infenclave.parseAsRoot(Array(first.note.dropFirst())) as? AssessModel else {
            throw CommandFailure("assessment", "\(folders[0]): the shard's command is no assessment")
        }
        let model = try command.arguments.source.load(for: command.arguments.preprocess)
        var configuration = try command.arguments.configuration(of: model)
        configuration.threads = first.threads
        let assessor = try Assessor(configuration)
        try await AssessmentRun.report(
            backbone: try await command.arguments.backbone(of: model), out: out, json: json
        ) { cancellation, meter in
            try assessor.run(
                work: folder, merging: records, cancellation: cancellation, progress: meter.show, forecast: meter.show)
        }
    }
}
