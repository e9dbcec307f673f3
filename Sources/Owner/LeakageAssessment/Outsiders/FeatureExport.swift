// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import Glibc
internal import Imaging
internal import ModelGraph
internal import Tensors

/// Writes the boundary tensors of a cut and the images that they were computed from, for an external attack. Images,
/// order and split are those of an assessment of the same folder, limits and seed.
///
/// - `features.npy`: f32 `[pictures, channels, height, width]` where one tensor of maps crosses, in whatever layout,
///   else `[pictures, elements]`, the tensors concatenated as they are.
/// - `tokens.npy`: f32 `[pictures, tokens, channels]`, the tokens beside the grid (class token, registers) of such maps;
///   only if there are some.
/// - `pictures.npy`: u8 `[pictures, height, width, channels]`, RGB or grey, as the network sees them before
///   normalisation.
/// - `names.json`: the files' names, in the order of the images.
/// - `split.json`: the model's digest, the cut, the seed, and the indices of training and test images.
package struct FeatureExport: Sendable {
    package struct Summary: Sendable, Hashable {
        /// The shape of `features.npy`.
        package let shape: [Int]
        /// Number of tokens beside the grid, which are in `tokens.npy`.
        package let extraTokens: Int
        package let training: Int
        package let test: Int
        /// Number of files that could not be used.
        package let skipped: Int
        /// A warning of files with several frames or pages.
        package let framesWarning: String?
    }

    private struct Split: Encodable {
        let version = 1
        let modelSHA256: String
        let cut: String
        let seed: UInt64
        let training: [Int]
        let test: [Int]
    }

    private static let files = ["features.npy", "tokens.npy", "pictures.npy", "names.json", "split.json"]

    private let configuration: AssessmentConfiguration
    private let cut: Cut
    private let types: [TensorType]

    /// - Throws: ``AssessmentError`` `.invalidCut` for a cut that does not exist, at which the input itself crosses, or
    ///   where nothing crosses; and what ``Assessor`` refuses.
    package init(_ configuration: AssessmentConfiguration, cut name: String) throws(AssessmentError) {
        var configuration = configuration
        configuration.cuts = .named([name])
        _ = try Assessor(configuration)
        self.configuration = configuration
        cut = try CutChoice.cuts(configuration.cuts, of: configuration.model.graph)[0]
        types = cut.crossing.map(configuration.model.graph.type(of:))
        guard !types.isEmpty else {
            throw AssessmentError(.invalidCut, "nothing crosses cut '\(name)': choose a shallower cut")
        }
    }

    /// The layout of the maps, if one tensor of maps crosses the cut.
    private var layout: MapLayout? {
        types.count == 1 ? configuration.model.graph.mapLayout(of: cut.crossing[0]) : nil
    }

    /// The shape of one image's features.
    private var shape: [Int] {
        if let layout { return [layout.channels, layout.height, layout.width] }
        return [types.reduce(0) { $0 + $1.shape.elementCount }]
    }

    /// Blocks until all is written. After a failure the folder is removed.
    ///
    /// - Parameter folder: Must not exist. Created for its owner only, since it holds originals.
    /// - Throws: ``AssessmentError``; `.cancelled` once `cancellation` was raised.
    package func write(
        to folder: String, cancellation: CancellationFlag = CancellationFlag(),
        progress: @escaping @Sendable (AssessmentProgress) -> Void = { _ in }
    ) throws(AssessmentError) -> Summary {
        guard mkdir(folder, 0o700) == 0 else {
            guard errno == EEXIST else { throw PrivateFolder.failure(folder, "the folder cannot be made") }
            throw AssessmentError(
                .file, "\(folder): it is there already, and nothing is replaced; name a folder that does not exist yet")
        }
        do throws(AssessmentError) {
            let context = try StageContext(
                configuration, work: .none, cancellation: cancellation, progress: progress)
            try writeArrays(context, to: folder)
            try write((0..<context.decoded).map { context.pictures.entries[$0].name }, to: folder + "/names.json")
            try write(
                Split(
                    modelSHA256: context.model.sha256, cut: cut.name, seed: context.seed,
                    training: context.split.training, test: context.split.testing), to: folder + "/split.json")
            return Summary(
                shape: [context.decoded] + shape, extraTokens: layout?.extraTokens ?? 0,
                training: context.split.training.count,
                test: context.split.testing.count, skipped: context.pictures.skipped.count,
                framesWarning: context.pictures.framesWarning)
        } catch {
            for file in Self.files { unlink("\(folder)/\(file)") }
            rmdir(folder)
            throw error
        }
    }

    private func writeArrays(_ context: StageContext, to folder: String) throws(AssessmentError) {
        let (form, cut, layout) = (context.model.preprocessing, cut, layout)
        let features = try NumPyWriter<Float>(folder + "/features.npy", count: context.decoded, shape: shape)
        let tokens = try layout.flatMap { (layout) throws(AssessmentError) -> NumPyWriter<Float>? in
            guard layout.extraTokens > 0 else { return nil }
            return try NumPyWriter<Float>(
                folder + "/tokens.npy", count: context.decoded, shape: [layout.extraTokens, layout.channels])
        }
        let pictures = try NumPyWriter<UInt8>(
            folder + "/pictures.npy", count: context.decoded, shape: [form.height, form.width, form.channels.count])
        let meter = context.meter(.features, total: context.decoded)
        _ = try WorkerThreads<Void>.map(count: context.decoded, threads: context.threads) {
            () throws(AssessmentError) in
            try CutProbe(context.model, cuts: [cut])
        } body: { (probe, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let crossing = try probe.crossing(of: try context.pictures.tensor(of: picture))[0]
            try features.write(
                crossing.flatMap { $0.withElements(as: Float.self) { layout?.planes(of: $0) ?? Array($0) } },
                at: picture)
            if let tokens, let layout {
                try tokens.write(crossing[0].withElements(as: Float.self, layout.extraVectors), at: picture)
            }
            try pictures.write(try context.pictures.image(picture).pixels, at: picture)
            meter.advance(by: 1)
        }
    }

    private func write(_ value: some Encodable, to path: String) throws(AssessmentError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes: Data
        do { bytes = try encoder.encode(value) + [0x0A] } catch {
            throw AssessmentError(.file, "\(path): a file's name cannot be written as JSON")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PrivateFolder.failure(path, "it cannot be made") }
        defer { close(descriptor) }
        guard bytes.withUnsafeBytes({ Descriptor.write(descriptor, $0, at: 0) }) else {
            throw PrivateFolder.failure(path, "it cannot be written")
        }
    }
}
