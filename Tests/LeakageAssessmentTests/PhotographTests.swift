// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import ONNXImport
import Tensors
import TestSupport
import Testing

/// The first cuts of a real network, compared with section 3b of the design notes, which ONNX Runtime and numpy
/// computed.
@Suite(
    "Leakage of photographs through SqueezeNet 1.1 agrees with the design notes",
    .enabled(if: SharedFiles.isPresent, Comment(rawValue: SharedFiles.absence)))
struct PhotographTests {
    private struct Row {
        let cut: String
        let own, null, passing, area, rSquared, identified: Double
    }

    private static let rows = [
        Row(
            cut: "convrelu_0_relu", own: 2.26, null: 5.66, passing: 0.03, area: 0.95, rSquared: 0.97,
            identified: 1),
        Row(cut: "maxpool2d_27", own: 4.18, null: 6.10, passing: 0.17, area: 0.86, rSquared: 0.94, identified: 1),
        Row(cut: "cat_0", own: 4.02, null: 5.78, passing: 0.10, area: 0.84, rSquared: 0.95, identified: 1),
        Row(cut: "maxpool2d_28", own: 5.74, null: 6.27, passing: 0.37, area: 0.73, rSquared: 0.87, identified: 1),
    ]

    /// The photographs, by name, that the validator classifies correctly with p of at least 0.8. The design notes
    /// require these, because the baseline of an uncertain one is near 0, so that every cut passes.
    private static let sure = [0...9, 14...24, 26...34].flatMap { Array($0) }

    /// A folder of links to some of the photographs; the caller removes it.
    private func folder(_ chosen: [Int]) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "photographs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        let names = SharedFiles.names(in: "images/imagenet")
        for name in chosen.map({ names[$0] }) {
            try FileManager.default.createSymbolicLink(
                atPath: folder.appending(path: name).path(),
                withDestinationPath: SharedFiles.path("images/imagenet/" + name))
        }
        return folder
    }

    private func configuration(_ folder: String) throws -> AssessmentConfiguration {
        func network(_ name: String) throws -> AssessmentConfiguration.Network {
            let folder = SharedFiles.path("models/" + name)
            return AssessmentConfiguration.Network(
                graph: try ONNXModel.load(path: folder + "/model.onnx").graph,
                preprocessing: try JSONDecoder().decode(
                    Preprocessing.self, from: Data(contentsOf: URL(filePath: folder + "/preprocess.json"))),
                name: name, sha256: String(repeating: "0", count: 64))
        }
        var configuration = AssessmentConfiguration(
            model: try network("squeezenet-1.1"), validator: try network("mobilenet-v2-1.0"), imageFolder: folder,
            threads: 2)
        configuration.cuts = .named(Self.rows.map(\.cut))
        configuration.trainedCuts = .none
        configuration.bounds.pictures = 0
        configuration.whiteBox.pictures = 0
        configuration.measuresTime = false
        return configuration
    }

    @Test("The channel KL of 30 photographs agrees with the notes: AUC to 0.07, divergences to 0.2 nats")
    func channels() throws {
        let folder = try folder(Self.sure)
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = try configuration(folder.path())
        configuration.adversary = .paper
        configuration.protected = [.appearance]
        configuration.decoderImageLimit = 8
        let result = try Assessor(configuration).run()
        #expect(abs(result.baselineMean - 6.7) < 0.1)
        for (row, cut) in zip(Self.rows, result.cuts) {
            let kl = try #require(cut.channelKL)
            #expect(kl.own.count == 30 && kl.candidates == 30)
            #expect(abs(kl.areaUnderCurve - row.area) <= 0.07, "\(row.cut): \(kl.areaUnderCurve)")
            #expect(abs(kl.mean - row.own) <= 0.2, "\(row.cut): \(kl.mean)")
            #expect(abs(kl.nullMean - row.null) <= 0.2, "\(row.cut): \(kl.nullMean)")
            #expect(abs(kl.passFraction - row.passing) <= 0.07, "\(row.cut): \(kl.passFraction)")
        }
    }

    @Test("Decoders of 200 photographs agree with the notes: R² to 0.05 or higher, re-identification to 0.1")
    func decoders() throws {
        var configuration = try configuration(SharedFiles.path("images/imagenet"))
        configuration.adversary = .informed
        let result = try Assessor(configuration).run()
        for (row, cut) in zip(Self.rows, result.cuts) {
            let scores = cut.decoder
            #expect(scores.rSquared >= row.rSquared - 0.05, "\(row.cut): \(scores.rSquared)")
            #expect(abs(scores.retrievalTopOne - row.identified) <= 0.1, "\(row.cut): \(scores.retrievalTopOne)")
        }
    }
}
