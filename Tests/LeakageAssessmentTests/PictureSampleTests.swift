// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

@Suite("Sampling pictures from a folder")
struct PictureSampleTests {
    @Test("All files are used, in order of name, if the metrics use all of them or the limit is that small")
    func byName() {
        for (files, limit) in [(10, nil), (12, 10), (9, 20), (12, nil)] as [(Int, Int?)] {
            let sample = PictureSample(files: files, limit: limit, needed: 12, seed: 1)
            #expect(sample.order == Array(0..<files) && !sample.isDrawn)
            #expect(sample.wanted == min(files, limit ?? 12))
        }
    }

    @Test("More files are sampled uniformly, and none beyond the limit")
    func drawn() {
        var counts = [Int](repeating: 0, count: 20)
        for seed in 1...2000 {
            let sample = PictureSample(files: 30, limit: 20, needed: 5, seed: UInt64(seed))
            #expect(sample.isDrawn && sample.wanted == 5 && sample.order.sorted() == Array(0..<20))
            for file in sample.order.prefix(5) { counts[file] += 1 }
        }
        // 500 ± 5 deviations of a binomial distribution.
        #expect(counts.allSatisfy { abs($0 - 500) < 100 }, "\(counts)")
        let again = PictureSample(files: 30, limit: 20, needed: 5, seed: 7)
        #expect(again == PictureSample(files: 30, limit: 20, needed: 5, seed: 7))
        #expect(again != PictureSample(files: 30, limit: 20, needed: 5, seed: 8))
    }

    @Test("The channel KL's pictures are sampled, and so are the fewer ones at cuts where it does not decide")
    func channelPictures() {
        func drawn(_ images: Int, limit: Int, few: Int, seed: UInt64 = 1) -> [Int] {
            PictureSample.channelPictures(of: images, limit: limit, few: few, seed: seed)
        }
        #expect(drawn(8, limit: 60, few: 10) == Array(0..<8))
        #expect(drawn(20, limit: 60, few: 10).sorted() == Array(0..<20))
        var counts = [Int](repeating: 0, count: 20)
        for seed in 1...2000 {
            let chosen = drawn(20, limit: 10, few: 5, seed: UInt64(seed))
            #expect(chosen.count == 10 && Set(chosen).count == 10)
            for picture in chosen.prefix(5) { counts[picture] += 1 }
        }
        // 500 ± 5 deviations of a binomial distribution.
        #expect(counts.allSatisfy { abs($0 - 500) < 100 }, "\(counts)")
        #expect(drawn(20, limit: 10, few: 5) == drawn(20, limit: 10, few: 5))
    }

    private func configuration(_ pictures: DrawnPictures) throws -> AssessmentConfiguration {
        var configuration = try pictures.configuration()
        (configuration.decoderImageLimit, configuration.channelImageLimit) = (10, 6)
        configuration.trainedCuts = .none
        configuration.whiteBox.pictures = 0
        configuration.measuresTime = false
        return configuration
    }

    @Test("A sample keeps the order of names, replaces damaged files, and is reported everywhere")
    func announced() throws {
        let pictures = try DrawnPictures(count: 40)
        for name in ["100", "117", "131", "139"] {
            try Data("no picture".utf8).write(to: pictures.folder.appending(path: "\(name).png"))
        }
        let result = try Assessor(configuration(pictures)).run()
        #expect(result.images == 10 && result.folderImages == 40 && result.channelImages == 6)
        let names = result.gallery.map(\.name)
        #expect(names == names.sorted() && result.skipped.map(\.name) == result.skipped.map(\.name).sorted())
        let warning = "10 of 40 pictures used, drawn at random with seed 1"
        #expect(result.warnings.contains { $0.hasPrefix(warning) })
        let files = try AssessmentReport.contents(of: result).map { String(decoding: $0.data, as: UTF8.self) }
        #expect(files[0].contains(warning) && files[0].contains("\"folderImages\": 40"))
        #expect(files[2].contains(warning) && files[2].contains("10 of 40 used"))
    }

    @Test("Files beyond the limit do not change the sample, the seed does, and a limit means the first files by name")
    func seeds() throws {
        let pictures = try DrawnPictures(count: 40)
        var configuration = try configuration(pictures)
        let first = try Assessor(configuration).run()
        #expect(try Assessor(configuration).run().gallery.map(\.name) == first.gallery.map(\.name))
        configuration.seed = 2
        #expect(try Assessor(configuration).run().cuts[0].decoder != first.cuts[0].decoder)
        configuration.imageLimit = 9
        let limited = try Assessor(configuration).run()
        #expect(limited.images == 9 && limited.gallery.allSatisfy { $0.name < "109.png" })
        #expect(limited.warnings.contains { $0.hasPrefix("9 of 40 pictures used, the first by name") })
    }

    @Test("The report states whether the pictures are the first N, a random sample, or a sample of the first N")
    func used() {
        #expect(
            Warnings.used(300, of: 10_000, limit: nil, drawnWith: 7)
                == "300 of 10000 pictures used, drawn at random with seed 7; --decoder-images takes more.")
        #expect(
            Warnings.used(300, of: 10_000, limit: 1000, drawnWith: 7).hasPrefix(
                "300 of 10000 pictures used, drawn at random with seed 7 from the first 1000 by name (--limit; "
                    + "--decoder-images takes more): names"))
        #expect(
            Warnings.used(90, of: 100, limit: 90, drawnWith: nil).hasPrefix(
                "90 of 100 pictures used, the first by name, as --limit asks:"))
    }

    @Test("Shards, their merge and a resumed run use the sample of a single run")
    func shards() throws {
        let pictures = try DrawnPictures(count: 30)
        let configuration = try configuration(pictures)
        let whole = try Assessor(configuration).run()
        let folders = (1...2).map { pictures.path("shard\($0)") }
        for index in 1...2 {
            try Assessor(configuration).run(
                try Shard(index, of: 2), note: ["here", "assess"], work: try WorkDirectory(folders[index - 1]))
        }
        let own = pictures.path("merged")
        for _ in 1...2 {
            let merged = try Assessor(configuration).run(
                work: try WorkDirectory(own, others: folders), merging: try ShardRecord.all(in: folders))
            #expect(merged.cuts.map(\.decoder) == whole.cuts.map(\.decoder))
            #expect(merged.cuts.map(\.channelKL) == whole.cuts.map(\.channelKL))
            #expect(merged.gallery.map(\.name) == whole.gallery.map(\.name))
        }
        // Decoders and channel KL come from the shards: another sample would have had to be computed.
        let computed = (try? FileManager.default.contentsOfDirectory(atPath: own)) ?? []
        #expect(computed.allSatisfy { $0.hasPrefix("bounds") }, "\(computed)")
    }
}
