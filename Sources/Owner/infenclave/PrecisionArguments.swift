import ArgumentParser
import Foundation
import Imaging
import Inference
import ModelGraph
import Tensors

/// What the engine computes with.
struct PrecisionArguments: ParsableArguments {
    @Option(help: "Arithmetic: f32, bf16 or int8.") var precision = "f32"
    @Option(
        help: ArgumentHelp(
            "For int8: a folder of pictures like those to come.",
            discussion: "The ranges of values are measured on them."))
    var calibration: String?
    @Option(help: "How many pictures of the folder to measure on, spread over it.") var calibrationImages = 64

    /// On how many pictures it is tried which layers to keep, and what they may change the outputs by: see
    /// `Calibration.refined`.
    private static let examples = 8
    private static let tolerance = 0.002

    func validate() throws {
        guard ["f32", "bf16", "int8"].contains(precision) else {
            throw ValidationError("--precision takes f32, bf16 or int8, not '\(precision)'")
        }
        guard calibration == nil || precision == "int8" else {
            throw ValidationError("--calibration is for --precision int8")
        }
        guard (1...10_000).contains(calibrationImages) else {
            throw ValidationError("--calibration-images takes 1 to 10000")
        }
    }

    /// The precision, measured on the pictures if it needs to be. Says so where the processor lacks the instructions.
    ///
    /// - Parameter substitute: What int8 is measured on when no folder is named.
    func resolved(
        for model: LoadedModel, _ preprocess: PreprocessArguments, threads: Int, substitute: Tensor? = nil
    ) throws -> Precision {
        let precision: Precision
        switch self.precision {
        case "bf16": precision = .bfloat16
        case "int8": precision = .int8(try measured(model, preprocess, threads: threads, substitute: substitute))
        default: return .float32
        }
        if case .float32 = precision.available {
            FileHandle.standardError.write(
                Data("infenclave: this processor has no \(self.precision) instructions: computing in f32\n".utf8))
        }
        return precision.available
    }

    private func measured(
        _ model: LoadedModel, _ preprocess: PreprocessArguments, threads: Int, substitute: Tensor?
    ) throws -> Calibration {
        var calibrator = try Calibrator(model.graph, threads: threads)
        var examples: [[Tensor]] = []
        if let calibration {
            let preprocessor = Preprocessor(try preprocess.resolved(for: model))
            for path in Self.spread(try ImageFolder(calibration).paths, calibrationImages) {
                let input = try preprocessor.tensor(of: try Image(contentsOf: path))
                try calibrator.observe([input])
                if examples.count < Self.examples { examples.append([input]) }
            }
        } else if let substitute {
            try calibrator.observe([substitute])
        } else {
            throw CommandFailure(
                "calibration", "int8 needs the ranges of values", remedy: "name a folder of pictures with --calibration"
            )
        }
        guard !examples.isEmpty else { return calibrator.calibration }
        return try calibrator.calibration.refined(
            model.graph, on: examples, tolerance: Self.tolerance, threads: threads)
    }

    /// At most `count` of the elements, evenly spaced.
    private static func spread(_ all: [String], _ count: Int) -> [String] {
        guard all.count > count else { return all }
        return (0..<count).map { all[$0 * all.count / count] }
    }
}
