// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Testing

@Suite("Sharded assessments")
struct ShardTests {
    private let note = ["here", "assess"]

    private func compute(
        _ index: Int, of count: Int = 3, _ configuration: AssessmentConfiguration, in folder: String
    ) throws {
        try Assessor(configuration).run(
            try Shard(index, of: count), note: note, work: try WorkDirectory(folder))
    }

    @Test(
        "Three shards merge to the numbers of one run, and merging computes only what needs all shards",
        arguments: AssessmentConfiguration.TrainedCuts.allCases)
    func merged(trained: AssessmentConfiguration.TrainedCuts) throws {
        let pictures = try DrawnPictures(count: 14)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = trained
        // The cuts that matter for the decision would depend on times.
        configuration.measuresTime = false
        let whole = try Assessor(configuration).run()
        let folders = (1...3).map { pictures.path("shard\($0)") }
        // In any order.
        for index in [2, 3, 1] { try compute(index, configuration, in: folders[index - 1]) }
        let records = try ShardRecord.all(in: folders.reversed())
        #expect(records.map(\.shard.index) == [1, 2, 3])
        #expect(records[0].note == note)
        let own = pictures.path("merged")
        let merged = try Assessor(configuration).run(
            work: try WorkDirectory(own, others: folders), merging: records)
        #expect(merged.cuts.map(\.decoder) == whole.cuts.map(\.decoder))
        #expect(merged.cuts.map(\.channelKL) == whole.cuts.map(\.channelKL))
        #expect(merged.cuts.map(\.judgement) == whole.cuts.map(\.judgement))
        #expect(merged.cuts.map(\.joint) == whole.cuts.map(\.joint))
        #expect(merged.mappingLeakage == whole.mappingLeakage)
        #expect(merged.baselineMean == whole.baselineMean && merged.validatorUnsure == whole.validatorUnsure)
        let computed = (try? FileManager.default.contentsOfDirectory(atPath: own)) ?? []
        #expect(merged.cuts.map(\.bounds) == whole.cuts.map(\.bounds) && merged.cuts.allSatisfy { $0.bounds != nil })
        let late = ["bounds", "white-box"] + (trained == .decision ? ["trained"] : [])
        #expect(computed.allSatisfy { name in late.contains(where: name.hasPrefix) }, "\(computed)")
    }

    @Test("A missing, unfinished or duplicate shard, and one of other inputs, are refused by name")
    func refused() throws {
        let pictures = try DrawnPictures(count: 10)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = .none
        let folders = (1...3).map { pictures.path("shard\($0)") }
        for index in 1...2 { try compute(index, configuration, in: folders[index - 1]) }
        func refusal(_ folders: [String]) -> String {
            let error = #expect(throws: AssessmentError.self) { try ShardRecord.all(in: folders) }
            #expect(error?.code == .file)
            return error?.message ?? ""
        }
        #expect(refusal(Array(folders[..<2])).contains("3 is missing"))
        #expect(refusal([folders[0]]).contains("2, 3 are missing"))
        #expect(refusal(folders).contains("no complete shard"))
        #expect(refusal([folders[0], folders[0]]).contains("give it once"))
        var seeded = configuration
        seeded.seed = 9
        try compute(3, seeded, in: folders[2])
        #expect(refusal(folders).contains("different inputs: seed"))
        try compute(1, of: 2, configuration, in: pictures.path("two"))
        #expect(refusal([folders[0], pictures.path("two")]).contains("a shard of 2"))
        try pictures.write((0..<1200).map { UInt8($0 % 251) }, to: "103.png")
        try compute(3, configuration, in: pictures.path("other"))
        #expect(refusal(folders[..<2] + [pictures.path("other")]).contains("different inputs: pictures"))
        try Data("{}".utf8).write(to: URL(filePath: folders[1] + "/shard-2-of-3.json"))
        #expect(refusal(folders).contains("damaged"))
    }

    @Test("Pictures that changed after the shards were computed are refused when merging")
    func changed() throws {
        let pictures = try DrawnPictures(count: 10)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = .none
        let folder = pictures.path("shard")
        try compute(1, of: 1, configuration, in: folder)
        try pictures.write((0..<1200).map { UInt8($0 % 251) }, to: "103.png")
        let records = try ShardRecord.all(in: [folder])
        let error = #expect(throws: AssessmentError.self) {
            try Assessor(configuration).run(
                work: try WorkDirectory(pictures.path("merged"), others: [folder]), merging: records)
        }
        #expect(error?.message.contains("now: pictures") == true)
    }

    @Test("Shards without an external attack, or without noise, are not merged into an assessment that has it")
    func otherAttacks() throws {
        let pictures = try DrawnPictures(count: 10)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = .none
        let folder = pictures.path("shard")
        try compute(1, of: 1, configuration, in: folder)
        let records = try ShardRecord.all(in: [folder])
        let digest = String(repeating: "0a", count: 32)
        let result = try AttackResult(
            decoding: Data(
                """
                {"version":1,"modelSHA256":"\(digest)","cut":"flat","asset":"appearance","value":0.4,"error":0.02,
                "trainingPictures":9,"testPictures":3,"description":"made up"}
                """.utf8))
        var attacked = configuration
        attacked.attacks = [try OutsideAttack("decoder", result, on: configuration.model)]
        var noisy = configuration
        noisy.triesNoise = true
        for other in [attacked, noisy] {
            let error = #expect(throws: AssessmentError.self) {
                try Assessor(other).run(
                    work: try WorkDirectory(pictures.path("merged"), others: [folder]), merging: records)
            }
            #expect(error?.message.contains("now: choice of cuts and options") == true)
        }
    }

    @Test("Invalid shard numbers are refused", arguments: [(0, 3), (4, 3), (1, 0), (-1, -1), (1, Int.max)])
    func numbers(_ index: Int, _ count: Int) {
        #expect(throws: AssessmentError.self) { try Shard(index, of: count) }
    }
}
