// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BundleFormat
import Foundation
import ModelGraph
import Partitioning
import PlainText
import SealedChannel
import SecretMemory
import Tensors

struct Partition: Command {
    static let configuration = CommandConfiguration(
        abstract: "Partition a model and encrypt its parts into a bundle.",
        discussion: """
            Without --plan, --front and --mapping, or with equal cuts, everything is inside the enclave. The model \
            key goes to --key-out with mode 0600, never into the bundle. Without --owner-key a new owner's key is \
            written beside it. A plan is accepted only with the assessment.json that it was made from. The manifest \
            then names and summarises that file; this binds you to it, and does not prove how it was made.
            """)

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @OptionGroup var arithmetic: PrecisionArguments
    @Option(
        help:
            ArgumentHelp(
                "Compare the answers with those in f32, on the pictures of this folder. Default: those of --calibration.",
                valueName: "dir")
    )
    var accuracy: String?
    @Option(help: ArgumentHelp("A plan.json of `assess`, with its assessment.json beside it.", valueName: "file"))
    var plan: String?
    @Option(help: ArgumentHelp("The assessment.json for --plan, or for --front with --mapping.", valueName: "file"))
    var assessment: String?
    @Option(help: ArgumentHelp("The last layer of the FrontNet.", valueName: "layer")) var front: String?
    @Option(help: ArgumentHelp("The last layer before the mapping unit.", valueName: "layer")) var mapping: String?
    @Option(
        help: ArgumentHelp(
            "Standard deviation of Gaussian noise on each float that crosses to the host; 0 for none.",
            valueName: "sigma"))
    var noise: Double?
    @Option(help: ArgumentHelp("The class names, one per line, without control characters.", valueName: "file"))
    var labels: String
    @Option(help: ArgumentHelp("The bundle to write, NAME.infenclave.", valueName: "bundle")) var out: String
    @Option(help: ArgumentHelp("The file for the model key.", valueName: "file")) var keyOut: String
    @Option(help: ArgumentHelp("The owner's signing key.", valueName: "file")) var ownerKey: String?
    @Option(help: ArgumentHelp("Number of classes in an answer. Default: 20.", valueName: "n")) var topK: Int?
    @Flag(
        help: ArgumentHelp(
            "Let clients send the normalised f32 tensor beside u8 pixels.",
            discussion:
                "With floats, a client that colludes with the host learns more about the FrontNet's weights than with pixels."
        ))
    var allowF32 = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (front == nil) == (mapping == nil), plan == nil || front == nil else {
            throw ValidationError("give --plan, or both --front and --mapping, or neither to put everything inside")
        }
        if let noise {
            guard plan == nil else { throw ValidationError("--plan says what noise there is: leave --noise out") }
            guard front != nil || noise == 0 else {
                throw ValidationError("--noise goes with --front and --mapping: nothing crosses without them")
            }
            guard noise == 0 || NoiseDeviation(noise) != nil else {
                throw ValidationError("--noise is \(noise), expected 0, or from 0.000001 to 1000000")
            }
        }
    }

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        let model = try source.load(for: preprocess)
        let preprocessing = try preprocess.resolved(for: model)
        let cuts = try cuts(for: model, preprocessing)
        let names = try Self.classNames(labels)
        if let topK, !(1...max(1, names.count)).contains(topK) {
            throw CommandFailure(
                "labels", "--top-k is \(topK), expected 1 to \(names.count), the number of classes in \(labels)")
        }
        var recipe = BundleRecipe(
            modelName: model.name, graph: model.graph, front: cuts.front, mapping: cuts.mapping,
            classNames: names, preprocessing: preprocessing, topK: topK,
            assessment: cuts.assessment, sigma: cuts.sigma, acceptsFloats: allowF32,
            storedWeights: source.storedWeights,
            scores: model.scores
        )
        // All checks come before any key is generated.
        _ = try recipe.partitioned()
        guard !FileManager.default.fileExists(atPath: out) else {
            throw CommandFailure("file", "\(out) exists already", remedy: "remove it or choose another name")
        }
        try await choosePrecision(&recipe, model)
        let modelKey = ModelKey.random()
        try modelKey.write(to: keyOut)
        var written = [keyOut]
        do {
            let owner = try ownerKey.map { try OwnerSigningKey(contentsOf: $0) } ?? newOwnerKey(&written)
            let manifest = try BundleWriter(recipe: recipe, modelKey: modelKey, ownerKey: owner).write(to: out)
            try report(manifest, model.scores)
        } catch {
            for file in written { try? FileManager.default.removeItem(atPath: file) }
            throw error
        }
    }

    /// Ranges are measured once, on the whole network; the parts use the same table.
    private func choosePrecision(_ recipe: inout BundleRecipe, _ model: LoadedModel) async throws {
        let (source, arithmetic, preprocess) = (source, arithmetic, preprocess)
        let threads = try engine.resolvedThreads()
        let folder = accuracy ?? arithmetic.calibration
        let (table, accuracy) = try await onOwnThread {
            let table = try arithmetic.resolved(for: model, preprocess, threads: threads, runsHere: false)
            let isExact = table.isFloat32 && source.storedWeights == nil
            guard let folder, !isExact else { return (table, PrecisionAccuracy?.none) }
            let original = source.storedWeights != nil ? try source.load(for: preprocess, rounding: false) : model
            let accuracy = try PrecisionAccuracy.measure(
                model, against: original.graph, preprocess, table, folder: folder, used: try arithmetic.pictures(),
                threads: threads)
            return (table, accuracy)
        }
        recipe.precision = table
        recipe.accuracy = accuracy?.recorded
        if let accuracy, !json {
            let weights = source.storedWeights != nil ? ", weights in \(source.storeWeights)," : ""
            printLines(accuracy.text(table.level.label + weights))
        }
    }

    private func newOwnerKey(_ written: inout [String]) throws -> OwnerSigningKey {
        let path = keyOut + ".owner"
        let key = OwnerSigningKey.random()
        try key.write(to: path)
        written.append(path)
        printError("wrote a new owner's signing key to \(path)")
        return key
    }

    /// The cuts of the plan, or the named cuts, or everything inside.
    private func cuts(for model: LoadedModel, _ preprocessing: Preprocessing) throws -> AssessedCuts {
        let cuts: AssessedCuts
        if let plan {
            cuts = try AssessedCuts.of(plan: plan, assessment: assessment, for: model, preprocessing)
        } else if let front, let mapping {
            cuts = try AssessedCuts.named(
                front: front, mapping: mapping, sigma: noise.flatMap(NoiseDeviation.init), assessment: assessment,
                for: model, preprocessing)
        } else if let assessment {
            cuts = try AssessedCuts.everythingInside(assessment: assessment, for: model, preprocessing)
        } else {
            cuts = AssessedCuts.everythingInside(model)
        }
        if cuts.assessment.status == "assessed", !cuts.assessment.passes {
            printError("warning: this plan does not meet the gates of its assessment, and the manifest says so")
        }
        return cuts
    }

    /// One name per line; a byte order mark and the final line break are ignored.
    ///
    /// - Throws: ``CommandFailure`` for a name that is not ``PlainText``.
    static func classNames(_ path: String) throws -> [String] {
        guard let text = String(data: try InputFile.read(path, maximumBytes: 1 << 26), encoding: .utf8) else {
            throw CommandFailure("labels", "\(path) is not UTF-8 text", remedy: "give one class name a line")
        }
        var lines = text.replacing("\u{FEFF}", with: "").split(omittingEmptySubsequences: false) {
            ["\n", "\r", "\r\n"].contains($0)
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        if let index = lines.firstIndex(where: { !PlainText.isPlain($0) }) {
            throw CommandFailure(
                "labels",
                "\(path), line \(index + 1): '\(lines[index].prefix(80))' has a control character, or one that changes "
                    + "the direction of text",
                remedy: "remove it: clients print class names")
        }
        return lines.map(String.init)
    }

    private func report(_ manifest: BundleManifest, _ scores: ScoreKind) throws {
        guard !json else { return try printJSON(manifest) }
        print("wrote \(out)")
        if manifest.cuts.everythingInside {
            print("  everything runs inside the enclave")
        } else {
            let crossing = manifest.boundary.toBackNet.map { "\($0.tensor) (\(formatted(bytes: $0.bytes)))" }
            print("  FrontNet up to \(manifest.cuts.front), mapping unit after \(manifest.cuts.mapping)")
            print("  crosses to the host: \(crossing.joined(separator: ", "))")
            if let sigma = manifest.boundary.sigma {
                print("  each float under Gaussian noise of deviation \(sigma.value)")
            }
        }
        print("  the output is read as \(scores.summary)")
        for part in manifest.parts {
            print("  \(part.file)  \(formatted(bytes: part.bytes))\(part.sealed ? "  sealed" : "")")
        }
        print("  \(manifest.assessment.headline)")
        print("wrote the model key to \(keyOut): keep it, and never copy it to the host")
    }
}
