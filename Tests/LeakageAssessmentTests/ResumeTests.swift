// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

@Suite("Interrupted and resumed assessments")
struct ResumeTests {
    private func text(_ result: AssessmentResult) throws -> String {
        // Everything that is written, pictures included.
        try AssessmentReport.contents(of: result).map { String(decoding: $0.data, as: UTF8.self) }.joined()
    }

    private func pieces(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".piece") }.sorted()
    }

    @Test(
        "A run stopped in any stage and resumed gives the same bytes, times included",
        arguments: AssessmentProgress.Stage.allCases.filter { $0 != .features })
    func stopped(stage: AssessmentProgress.Stage) throws {
        let pictures = try DrawnPictures(count: 16)
        var configuration = try pictures.configuration()
        configuration.triesNoise = stage == .noise
        // The cuts that matter for the decision depend on times.
        configuration.trainedCuts = .all
        let work = try WorkDirectory(pictures.path("work"))
        let flag = CancellationFlag()
        let error = #expect(throws: AssessmentError.self) {
            try Assessor(configuration).run(work: work, cancellation: flag) { report in
                if report.stage == stage { flag.cancel() }
            }
        }
        #expect(error?.code == .cancelled)
        let resumed = try Assessor(configuration).run(work: work)
        let again = try Assessor(configuration).run(work: work)
        #expect(try text(resumed) == text(again))
        // Except for times, a run without interruption gives the same result.
        let whole = try Assessor(configuration).run()
        #expect(whole.cuts.map(\.decoder) == resumed.cuts.map(\.decoder))
        #expect(whole.cuts.map(\.channelKL) == resumed.cuts.map(\.channelKL))
        #expect(whole.cuts.map(\.judgement) == resumed.cuts.map(\.judgement))
        #expect(whole.cuts.map(\.joint) == resumed.cuts.map(\.joint))
        #expect(whole.mappingLeakage == resumed.mappingLeakage)
        for (a, b) in zip(whole.gallery, resumed.gallery) {
            #expect(a.entries.map(\.reconstruction) == b.entries.map(\.reconstruction))
        }
    }

    @Test("A finished run is not computed again")
    func kept() throws {
        let pictures = try DrawnPictures(count: 12)
        let work = try WorkDirectory(pictures.path("work"))
        _ = try Assessor(pictures.configuration()).run(work: work)
        let before = try pieces(pictures.path("work"))
        let dates = try before.map { try modified(pictures.path("work") + "/" + $0) }
        _ = try Assessor(pictures.configuration()).run(work: work)
        #expect(try pieces(pictures.path("work")) == before)
        #expect(try before.map { try modified(pictures.path("work") + "/" + $0) } == dates)
    }

    private func modified(_ path: String) throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    }

    @Test("A work folder from other gates does not omit learning curves that these gates need")
    func gates() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = .none
        configuration.measuresTime = false
        let work = try WorkDirectory(pictures.path("work"))
        // Every decoder exceeds the first gate and none the second.
        configuration.gates[.rSquared] = -10
        let few = try Assessor(configuration).run(work: work)
        configuration.gates[.rSquared] = 1
        let many = try Assessor(configuration).run(work: work)
        let fresh = try Assessor(configuration).run()
        #expect(many.cuts.map(\.evidence) == fresh.cuts.map(\.evidence))
        func decoderCurves(_ result: AssessmentResult) -> [DecoderCurves?] {
            result.cuts.map { $0.findings[DecoderCurves.self] }
        }
        #expect(decoderCurves(many) == decoderCurves(fresh))
        #expect(decoderCurves(few).allSatisfy { $0 == nil } && decoderCurves(many).contains { $0 != nil })
        let vector = try #require(many.cuts.first { $0.name == "flat" })
        #expect(vector.findings[PerceptronEvidence.self] != nil)
        #expect(few.cuts.allSatisfy { $0.findings[PerceptronEvidence.self] == nil })
    }

    @Test("Intermediate files are private, and deleted when no longer needed")
    func privacy() throws {
        let pictures = try DrawnPictures(count: 12)
        let path = pictures.path("work")
        let work = try WorkDirectory(path)
        #expect(!FileManager.default.fileExists(atPath: path))
        _ = try Assessor(pictures.configuration()).run(work: work)
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(path) == 0o700)
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(names.allSatisfy { $0.hasSuffix(".piece") } && !names.isEmpty)
        for name in names { #expect(try mode(path + "/" + name) == 0o600) }
        work.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(
        "A damaged intermediate file is recomputed: truncated, emptied, or with a changed bit",
        arguments: 0..<4)
    func damaged(kind: Int) throws {
        let pictures = try DrawnPictures(count: 12)
        let path = pictures.path("work")
        let work = try WorkDirectory(path)
        let first = try text(try Assessor(pictures.configuration()).run(work: work))
        // All but the measured times, which are never the same twice.
        let victims = try pieces(path).filter { !$0.hasPrefix("costs") }
        for name in victims {
            let url = URL(filePath: path + "/" + name)
            var data = try Data(contentsOf: url)
            switch kind {
            case 0: data = data.dropLast()
            case 1: data = Data()
            case 2: data[data.count - 1] ^= 1
            default: data[20] ^= 0x40
            }
            try data.write(to: url)
        }
        #expect(try text(try Assessor(pictures.configuration()).run(work: work)) == first)
        for name in victims { #expect(try Data(contentsOf: URL(filePath: path + "/" + name)).count > 40) }
    }

    @Test("An intermediate file under another one's name is rejected")
    func renamed() throws {
        let pictures = try DrawnPictures(count: 12)
        let path = pictures.path("work")
        let work = try WorkDirectory(path)
        let first = try text(try Assessor(pictures.configuration()).run(work: work))
        let decoders = try pieces(path).filter { $0.hasPrefix("decoders") }
        try FileManager.default.removeItem(atPath: path + "/" + decoders[0])
        try FileManager.default.copyItem(atPath: path + "/" + decoders[1], toPath: path + "/" + decoders[0])
        #expect(try text(try Assessor(pictures.configuration()).run(work: work)) == first)
    }

    /// The cuts that matter for the decision, and get a trained decoder, would depend on times.
    private func untimed(_ pictures: DrawnPictures) throws -> AssessmentConfiguration {
        var configuration = try pictures.configuration()
        configuration.measuresTime = false
        return configuration
    }

    @Test("Results that depend on a changed seed, picture, model or validator are not reused")
    func foreign() throws {
        let pictures = try DrawnPictures(count: 12)
        let work = try WorkDirectory(pictures.path("work"))
        _ = try Assessor(untimed(pictures)).run(work: work)
        var seeded = try untimed(pictures)
        seeded.seed = 2
        var remodelled = try untimed(pictures)
        // The same file's digest: only a weight is another.
        remodelled.model.graph = try TinyNetwork.graph(seed: 5)
        var judged = try untimed(pictures)
        judged.validator = try TinyNetwork.network(seed: 10, classes: 6)
        for configuration in [seeded, remodelled, judged] {
            let fresh = try Assessor(configuration).run()
            let resumed = try Assessor(configuration).run(work: work)
            #expect(fresh.cuts.map(\.decoder) == resumed.cuts.map(\.decoder))
            #expect(fresh.cuts.map(\.channelKL) == resumed.cuts.map(\.channelKL))
            #expect(fresh.cuts.map(\.judgement) == resumed.cuts.map(\.judgement))
        }
        try pictures.write((0..<1200).map { UInt8($0 % 251) }, to: "103.png")
        let fresh = try Assessor(untimed(pictures)).run()
        let resumed = try Assessor(untimed(pictures)).run(work: work)
        #expect(fresh.cuts.map(\.decoder) == resumed.cuts.map(\.decoder))
        #expect(fresh.cuts.map(\.channelKL) == resumed.cuts.map(\.channelKL))
    }

    @Test("A work folder writable by others, and a file in its place, are refused")
    func unsafeFolder() throws {
        let pictures = try DrawnPictures(count: 0)
        let path = pictures.path("open")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
        try Data().write(to: URL(filePath: pictures.path("file")))
        for place in [path, pictures.path("file")] {
            let error = #expect(throws: AssessmentError.self) { try WorkDirectory(place) }
            #expect(error?.code == .file && error?.message.contains(place) == true)
        }
    }

    @Test("Results are the same if pictures and features do not fit in memory")
    func scratch() throws {
        let pictures = try DrawnPictures(count: 12)
        var configuration = try untimed(pictures)
        let inMemory = try Assessor(configuration).run()
        configuration.memoryBytes = 0
        let work = try WorkDirectory(pictures.path("work"))
        let onDisk = try Assessor(configuration).run(work: work)
        #expect(inMemory.cuts.map(\.decoder) == onDisk.cuts.map(\.decoder))
        #expect(inMemory.cuts.map(\.channelKL) == onDisk.cuts.map(\.channelKL))
        #expect(inMemory.cuts.map(\.joint) == onDisk.cuts.map(\.joint))
        #expect(inMemory.cuts.contains { $0.bounds != nil })
        #expect(inMemory.cuts.map(\.bounds) == onDisk.cuts.map(\.bounds))
        #expect(inMemory.mappingLeakage == onDisk.mappingLeakage)
        #expect(inMemory.gallery.map(\.original) == onDisk.gallery.map(\.original))
        let left = try FileManager.default.contentsOfDirectory(atPath: pictures.path("work"))
        #expect(left.allSatisfy { $0.hasSuffix(".piece") })
    }
}
