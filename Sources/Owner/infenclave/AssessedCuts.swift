// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import BundleFormat
import Foundation
import LeakageAssessment
import ModelGraph
import Tensors

/// The cuts of a bundle, and what an assessment said about them.
struct AssessedCuts {
    let front: String
    let mapping: String
    let sigma: NoiseDeviation?
    let assessment: BundleManifest.Assessment

    /// Cuts that the user names. With an assessment, they must be a plan that it compared; without one, the manifest
    /// says that nothing was assessed.
    static func named(
        front: String, mapping: String, sigma: NoiseDeviation?, assessment: String?, for model: LoadedModel,
        _ preprocessing: Preprocessing
    ) throws -> AssessedCuts {
        guard let assessment else {
            return AssessedCuts(
                front: front, mapping: mapping, sigma: sigma, assessment: front == mapping ? insideUnassessed : .none)
        }
        return try cuts(
            front, mapping, sigma, of: try read(assessment, for: model, preprocessing), named: assessment, for: model)
    }

    /// Everything inside the enclave, without an assessment.
    static func everythingInside(_ model: LoadedModel) -> AssessedCuts {
        let last = model.graph.cuts.last?.name ?? ""
        return AssessedCuts(front: last, mapping: last, sigma: nil, assessment: insideUnassessed)
    }

    /// Everything inside the enclave, a plan that the assessment compared.
    static func everythingInside(
        assessment: String, for model: LoadedModel, _ preprocessing: Preprocessing
    ) throws -> AssessedCuts {
        let last = try model.graph.mappingCut().name
        return try cuts(
            last, last, nil, of: try read(assessment, for: model, preprocessing), named: assessment, for: model)
    }

    /// No assessment: the bundle has no cut that could have been assessed.
    private static var insideUnassessed: BundleManifest.Assessment {
        var assessment = BundleManifest.Assessment.none
        assessment.headline = "Everything runs inside the enclave: there is no cut to assess."
        return assessment
    }

    /// The cuts of a plan. A plan is accepted only with the assessment that it was made from.
    ///
    /// - Parameter assessment: The path of that assessment; by default the `assessment.json` beside the plan.
    static func of(
        plan path: String, assessment: String?, for model: LoadedModel, _ preprocessing: Preprocessing
    ) throws -> AssessedCuts {
        let plan = try PlanFile.read(path, for: model)
        let beside = URL(filePath: path).deletingLastPathComponent().appending(path: "assessment.json").path
        guard assessment != nil || FileManager.default.fileExists(atPath: beside) else {
            throw CommandFailure(
                "plan", "\(path) needs the assessment that it was made from, and \(beside) does not exist",
                remedy:
                    "name it with --assessment FILE, or give the cuts with --front and --mapping: the manifest then "
                    + "says that nothing was assessed")
        }
        let named = assessment ?? beside
        let file = try read(named, for: model, preprocessing)
        guard file.sha256 == plan.assessmentSHA256 else {
            throw CommandFailure(
                "plan",
                "\(path) was made from another assessment than \(named): its SHA-256 is \(file.sha256), "
                    + "expected \(plan.assessmentSHA256)",
                remedy: "give the assessment.json of the same `assess` unchanged, or assess the model again")
        }
        return try cuts(plan.front, plan.mapping, plan.sigma, of: file, named: named, for: model)
    }

    private static func cuts(
        _ front: String, _ mapping: String, _ sigma: NoiseDeviation?, of file: AssessmentFile, named path: String,
        for model: LoadedModel
    ) throws -> AssessedCuts {
        guard let plan = file.plan(front: front, mapping: mapping, sigma: sigma) else {
            let noise = sigma.map { ", noise \($0.value)" } ?? ", no noise"
            throw CommandFailure(
                "assessment", "\(path) has no plan with front '\(front)', mapping '\(mapping)'\(noise)",
                remedy:
                    "use a plan that it lists, or assess that cut with `assess --cut`; without --assessment, --front "
                    + "and --mapping accept any cut, and the manifest says that nothing was assessed")
        }
        // Noise is judged at its cut alone: deeper tensors are computed from noisy values.
        if plan.passesGates, !plan.everythingInside, sigma == nil {
            try checkDeeperCuts(than: front, of: file, named: path, for: model)
        }
        let assessment = BundleManifest.Assessment(
            status: "assessed", sha256: file.sha256, headline: file.headline(of: plan), gates: file.gates.name,
            adversary: file.adversary.rawValue, passes: plan.passesGates, pictures: file.pictures,
            protected: Asset.allCases.filter(file.protected.contains).map(\.rawValue),
            attackerPictures: file.attackerPictures)
        return AssessedCuts(front: front, mapping: mapping, sigma: sigma, assessment: assessment)
    }

    /// A leak at a deeper cut is a leak at a shallower one, so a pass needs results of every deeper candidate cut.
    private static func checkDeeperCuts(
        than front: String, of file: AssessmentFile, named path: String, for model: LoadedModel
    ) throws {
        let depth = try model.graph.cut(named: front).nodesInside
        let assessed = file.cuts
        let missing = try model.graph.candidateCuts(before: model.graph.mappingCut())
            .filter { $0.nodesInside > depth && !assessed.contains($0.name) }
        guard missing.isEmpty else {
            throw CommandFailure(
                "assessment",
                "\(path) says that '\(front)' meets the gates, and has no result of the deeper "
                    + "\(missing.count == 1 ? "cut" : "cuts") " + missing.map { "'\($0.name)'" }.joined(separator: ", ")
                    + ", where a leak is a leak at '\(front)' too",
                remedy: "assess the model again, without --cut or with these cuts as well")
        }
    }

    private static func read(
        _ path: String, for model: LoadedModel, _ preprocessing: Preprocessing
    ) throws -> AssessmentFile {
        let bytes = try InputFile.read(path, maximumBytes: AssessmentFile.maximumBytes)
        let file: AssessmentFile
        do throws(AssessmentError) { file = try AssessmentFile(decoding: bytes) } catch {
            throw CommandFailure("assessment", "\(path): \(error.message)")
        }
        let network = try AssessmentArguments.network(model, preprocessing).description()
        if let difference = file.model.difference(from: network) {
            throw CommandFailure("assessment", "\(path): \(difference.message)", remedy: difference.remedy)
        }
        return file
    }
}

/// A `plan.json` for a given model.
enum PlanFile {
    static func read(_ path: String, for model: LoadedModel) throws -> PartitionPlan {
        let file = try InputFile.read(path, maximumBytes: 1 << 20)
        let plan: PartitionPlan
        do throws(AssessmentError) { plan = try PartitionPlan(decoding: file) } catch {
            throw CommandFailure("plan", "\(path): \(error.message)")
        }
        guard try plan.modelSHA256 == model.sha256() else {
            throw CommandFailure(
                "plan", "\(path) was made for another model than \(model.path)",
                remedy: "assess this model, with the same --store-weights")
        }
        return plan
    }
}
