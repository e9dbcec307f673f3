// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import Imaging
import LeakageAssessment
import ModelGraph
import Synchronization
import Tensors
import Testing

@Suite("Assessment of a tiny network")
struct AssessmentTests {
    @Test("Every cut is measured, shallow cuts leak, and the report is written")
    func endToEnd() throws {
        let pictures = try DrawnPictures(count: 40)
        let progress = Mutex<Set<AssessmentProgress.Stage>>([])
        var configuration = try pictures.configuration()
        configuration.trainedCuts = .all
        let result = try Assessor(configuration).run { report in
            progress.withLock { _ = $0.insert(report.stage) }
        }
        #expect(progress.withLock { $0 } == Set(AssessmentProgress.Stage.allCases).subtracting([.noise, .features]))
        #expect(result.cuts.map(\.name) == ["relu1", "pool1", "relu2", "flat"])
        #expect(result.images == 40 && result.trainingImages == 30 && result.testImages == 10)
        #expect(result.cuts[0].decoder.rSquared > 0.7)
        #expect(result.cuts[0].decoder.retrievalTopOne == 1)
        #expect(result.cuts.map { $0.channelKL != nil } == [true, true, true, false])
        #expect(result.mapping == "logits")
        #expect(result.cuts[0].cost.boundaryBytes == 4 * (6 * 16 * 16 + 4))
        #expect(result.gallery.count == 6)
        #expect(result.gallery.allSatisfy { $0.entries.count == 4 && $0.entries[0].channelImage != nil })
        #expect(try AssessmentReport.contents(of: result).allSatisfy { !$0.data.isEmpty })
    }

    @Test("The results do not depend on the number of threads")
    func threads() throws {
        let pictures = try DrawnPictures(count: 12)
        // The recommendation depends on times, if they are measured, and the attacked cuts depend on the
        // recommendation.
        let results = try [1, 3].map { threads in
            var configuration = try pictures.configuration(threads: threads)
            configuration.measuresTime = false
            return try Assessor(configuration).run()
        }
        for (one, three) in zip(results[0].cuts, results[1].cuts) {
            #expect(one.decoder == three.decoder)
            #expect(one.channelKL == three.channelKL)
        }
        let plans = results.map(\.recommendation)
        #expect(plans[0].front == plans[1].front && plans[0].mapping == plans[1].mapping)
        #expect(plans[0].reason == plans[1].reason && plans[0].details == plans[1].details)
        #expect(plans[0].options.map(\.leakage) == plans[1].options.map(\.leakage))
    }

    @Test("A picture's null values are the minimum KL over the IR images of the following pictures")
    func null() throws {
        // The model ignores blue, the only difference of two successive pictures, so their minima are equal.
        let pictures = try DrawnPictures(count: 9)
        var pixels = try Image(decoding: Array(Data(contentsOf: pictures.folder.appending(path: "100.png"))).span.bytes)
            .pixels
        for index in pixels.indices where index % 3 == 2 { pixels[index] = 255 - pixels[index] }
        try pictures.write(pixels, to: "101.png")
        var configuration = try pictures.configuration()
        let graph = configuration.model.graph
        var constants = graph.constants
        var weights = try #require(constants["w1"]).floats()
        for index in weights.indices where index / 9 % 3 == 2 { weights[index] = 0 }
        constants["w1"] = try Tensor(weights, shape: [6, 3, 3, 3])
        configuration.model.graph = try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, nodes: graph.nodes, constants: constants)
        let kl = try #require(try Assessor(configuration).run().cuts[0].channelKL)
        #expect(kl.divergences[0][1] == kl.own[0])
        #expect(kl.divergences[1][1] != kl.own[1])
    }

    @Test("Damaged pictures are skipped with a warning")
    func damaged() throws {
        let pictures = try DrawnPictures(count: 10)
        try Data("no picture".utf8).write(to: pictures.folder.appending(path: "099-broken.jpg"))
        let result = try Assessor(pictures.configuration()).run()
        #expect(result.images == 10)
        #expect(result.skipped.map(\.name) == ["099-broken.jpg"])
        #expect(result.warnings.contains { $0.contains("099-broken.jpg") })
    }

    @Test("A limit uses the first pictures by name, replacing damaged ones by later ones")
    func limit() throws {
        let pictures = try DrawnPictures(count: 12)
        try Data("no picture".utf8).write(to: pictures.folder.appending(path: "103.png"))
        var configuration = try pictures.configuration()
        configuration.imageLimit = 9
        configuration.channelImageLimit = 4
        let result = try Assessor(configuration).run()
        #expect(result.images == 9 && result.channelImages == 4)
        #expect(result.skipped.count == 1)
    }

    @Test("Too few pictures are refused with the required number")
    func tooFew() throws {
        let pictures = try DrawnPictures(count: 7)
        let error = #expect(throws: AssessmentError.self) { try Assessor(pictures.configuration()).run() }
        #expect(error?.code == .tooFewImages)
        #expect(error?.message.contains("at least 8") == true)
    }

    @Test("Duplicate pictures are not counted")
    func copies() throws {
        let pictures = try DrawnPictures(count: 8)
        for index in 101...107 {
            let copy = pictures.folder.appending(path: "\(index).png")
            try FileManager.default.removeItem(at: copy)
            try FileManager.default.copyItem(at: pictures.folder.appending(path: "100.png"), to: copy)
        }
        let error = #expect(throws: AssessmentError.self) { try Assessor(pictures.configuration()).run() }
        #expect(error?.code == .tooFewImages)
        #expect(error?.message.contains("1 different") == true)
    }

    @Test("A duplicate picture is skipped with a warning")
    func someCopies() throws {
        let pictures = try DrawnPictures(count: 9)
        let copy = pictures.folder.appending(path: "200.png")
        try FileManager.default.copyItem(at: pictures.folder.appending(path: "100.png"), to: copy)
        let result = try Assessor(pictures.configuration()).run()
        #expect(result.images == 9 && result.skipped.map(\.name) == ["200.png"])
        #expect(result.skipped[0].reason.contains("copy of another"))
        #expect(result.warnings.contains { $0.contains("200.png") })
    }

    @Test("A folder without pictures, and a missing folder, are refused by name")
    func noFolder() throws {
        let pictures = try DrawnPictures(count: 0)
        var configuration = try pictures.configuration()
        for folder in [pictures.folder.path(), "/no/such/folder"] {
            configuration.imageFolder = folder
            let error = #expect(throws: AssessmentError.self) { try Assessor(configuration).run() }
            #expect(error?.code == .file)
            #expect(error?.message.contains(folder) == true)
        }
    }

    @Test("A raised flag stops the run")
    func cancelled() throws {
        let pictures = try DrawnPictures(count: 12)
        let flag = CancellationFlag()
        let error = #expect(throws: AssessmentError.self) {
            try Assessor(pictures.configuration()).run(cancellation: flag) { report in
                if report.stage == .channelKL { flag.cancel() }
            }
        }
        #expect(error?.code == .cancelled)
    }

    @Test("A preprocessing that does not match the model is refused before anything runs")
    func preprocessing() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.model.preprocessing = .imageNet
        let error = #expect(throws: AssessmentError.self) { try Assessor(configuration) }
        #expect(error?.code == .unsupportedModel)
    }

    @Test("Named cuts are ordered by depth; unknown names are refused")
    func namedCuts() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.cuts = .named(["relu2", "conv1", "relu2"])
        #expect(try Assessor(configuration).run().cuts.map(\.name) == ["conv1", "relu2"])
        configuration.cuts = .named(["nothing"])
        let error = #expect(throws: AssessmentError.self) { try Assessor(configuration).run() }
        #expect(error?.code == .invalidCut)
    }

    @Test("Single-colour pictures, and too few pictures to learn from, cause warnings")
    func plainPictures() throws {
        let pictures = try DrawnPictures(count: 12)
        let grey = try Image(width: 20, height: 20, channels: 3, pixels: .init(repeating: 90, count: 1200))
        try Data(try grey.pngBytes()).write(to: pictures.folder.appending(path: "300.png"))
        let result = try Assessor(pictures.configuration()).run()
        #expect(result.warnings.contains { $0.hasPrefix("1 of the pictures have one colour") })
    }

    @Test("Animations are warned of once, with their number, as only the first frame is used")
    func animations() throws {
        let pictures = try DrawnPictures(count: 12)
        // 2x1 pixels; codes of three bits, from the lowest: clear 4, 0, 1, end 5.
        let codes = 4 | 0 << 3 | 1 << 6 | 5 << 9
        let header = Array("GIF89a".utf8) + [2, 0, 1, 0, 0x81, 0, 0, 9, 9, 9, 50, 60, 70, 1, 1, 1, 2, 2, 2]
        let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, UInt8(codes & 255), UInt8(codes >> 8), 0]
        let still = header + frame + [0x3B]
        try Data(still).write(to: pictures.folder.appending(path: "300.gif"))
        func warnings() throws -> [String] {
            try Assessor(pictures.configuration()).run().warnings.filter { $0.contains("several frames") }
        }
        #expect(try warnings().isEmpty)
        try FileManager.default.removeItem(at: pictures.folder.appending(path: "300.gif"))
        try Data(header + frame + frame + [0x3B]).write(to: pictures.folder.appending(path: "300.gif"))
        let found = try warnings()
        #expect(found.count == 1 && found.first?.hasPrefix("1 of the files have") == true)
        #expect(found.first?.hasSuffix("such as 300.gif.") == true)
    }

    @Test(
        "Learning curves of all assets are measured at every cut, whichever decoders are trained",
        arguments: AssessmentConfiguration.TrainedCuts.allCases)
    func evidence(trained: AssessmentConfiguration.TrainedCuts) throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = trained
        configuration.measuresTime = false
        let result = try Assessor(configuration).run()
        let found = try result.cuts.map { try #require($0.evidence) }
        #expect(found.allSatisfy { !$0.appearance.isEmpty && !$0.identity.isEmpty && $0.candidates == 5 })
        configuration.trainedCuts = .none
        #expect(try Assessor(configuration).run().cuts.map(\.evidence) == found)
    }

    @Test("A network with non-finite results is refused with the picture's name")
    func notFinite() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.model.graph = try TinyNetwork.graph(scale: .infinity)
        let error = #expect(throws: AssessmentError.self) { try Assessor(configuration).run() }
        #expect(error?.code == .notFinite)
        #expect(error?.message.contains("10") == true && error?.message.contains(".png") == true)
    }

    @Test("A validator that is uncertain of every picture meets no gate of the channel KL")
    func unsureValidator() throws {
        let pictures = try DrawnPictures(count: 12)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = .none
        configuration.measuresTime = false
        configuration.validator?.graph = try TinyNetwork.graph(seed: 9, classes: 6, scale: 0.01)
        let result = try Assessor(configuration).run()
        #expect(result.validatorUnsure == 12)
        let kl = try #require(result.cuts[0].channelKL)
        #expect(kl.judged.isEmpty && kl.own.count == 12)
        for metric in [Metric.passFraction, .areaUnderCurve] {
            #expect(try #require(result.verdicts[0].check(of: metric)).outcome == .fails)
        }
        #expect(result.warnings.contains { $0.contains("its gates do not count them") })
    }

    @Test("Without a validator the model evaluates itself, with a warning")
    func noValidator() throws {
        let pictures = try DrawnPictures(count: 8)
        var configuration = try pictures.configuration()
        configuration.validator = nil
        let result = try Assessor(configuration).run()
        #expect(result.validator == nil)
        #expect(result.warnings.contains { $0.contains("No validator") })
        #expect(try ReportPage.html(of: result).contains("the model itself"))
    }
}
