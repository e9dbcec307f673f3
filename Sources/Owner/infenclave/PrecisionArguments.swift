// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Imaging
import Inference
import ModelGraph
import Tensors

/// Options for the engine's precision.
struct PrecisionArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Arithmetic: f32, bf16 or int8.", valueName: "type")) var precision = "f32"
    @Option(
        help: ArgumentHelp(
            "A folder of calibration pictures: for int8, and recommended for bf16.",
            discussion: """
                The ranges of values are measured on them, and layers stay in a higher precision until the answers \
                on them agree with f32.
                """, valueName: "dir"))
    var calibration: String?
    @Option(help: ArgumentHelp("Number of calibration pictures, spread over the folder.", valueName: "n"))
    var calibrationImages = 64

    /// Most images for the choice of each layer's precision.
    private static let examples = 64

    func validate() throws {
        guard PrecisionTable.Level(label: precision) != nil else {
            throw ValidationError("--precision takes f32, bf16 or int8, not '\(precision)'")
        }
        guard calibration == nil || precision != "f32" else {
            throw ValidationError("--calibration is for --precision int8 and bf16")
        }
        guard (1...10_000).contains(calibrationImages) else {
            throw ValidationError("--calibration-images takes 1 to 10000")
        }
    }

    private var level: PrecisionTable.Level { PrecisionTable.Level(label: precision) ?? .float32 }

    /// The precision of each layer, calibrated on the images if necessary. Prints a note if the processor lacks the
    /// instructions or is faster without them.
    ///
    /// - Parameters:
    ///   - runsHere: Whether the precision is for this machine.
    ///   - substitute: Calibration data for int8 if no folder is named.
    func resolved(
        for model: LoadedModel, _ preprocess: PreprocessArguments, threads: Int, runsHere: Bool = true,
        substitute: Tensor? = nil
    ) throws -> PrecisionTable {
        guard level > .float32 else { return .float32 }
        if runsHere || !Precision.hasInstructions(for: level), let reason = Precision.whyFloat32(insteadOf: level) {
            printError("infenclave: \(reason): computing in f32")
            return .float32
        }
        let examples = try pictures().map { path in
            try Preprocessor(try preprocess.resolved(for: model)).tensor(of: try Image(named: path))
        }
        var ranges: [String: PrecisionTable.Range] = [:]
        if level == .integer8 {
            let measured = examples.isEmpty ? substitute.map { [$0] } ?? [] : examples
            guard !measured.isEmpty else {
                throw CommandFailure(
                    "calibration", "int8 needs the ranges of values",
                    remedy: "name a folder of pictures with --calibration")
            }
            var calibrator = try Calibrator(model.graph, threads: threads)
            for input in measured { try calibrator.observe([input]) }
            ranges = calibrator.ranges
        }
        let search = try PrecisionSearch(
            model.graph, ranges: ranges, examples: examples.prefix(Self.examples).map { [$0] }, threads: threads)
        return try search.table(level)
    }

    /// The calibration images.
    func pictures() throws -> [String] {
        guard let calibration else { return [] }
        let all = try ImageFolder(calibration).paths
        guard all.count > calibrationImages else { return all }
        return (0..<calibrationImages).map { all[$0 * all.count / calibrationImages] }
    }
}
