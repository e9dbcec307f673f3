// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// What every stage of an assessment is given. A stage takes its numbers from ``work`` where they are kept:
///
///     try context.work.result(of: context.inputs.key("name", pictures: …) { $0.add("cut", cut.name) }) {
///         …
///     }
struct StageContext: Sendable {
    let configuration: AssessmentConfiguration
    /// The independent classifier, or the model itself.
    let validator: AssessmentConfiguration.Network
    /// The assessed cuts, shallowest first.
    let cuts: [Cut]
    let mapping: Cut
    /// The candidate cuts that are not among ``cuts``.
    let notAssessed: [Cut]
    let pictures: PictureSet
    /// Indices of the images of the channel KL: ``PictureSample/channelPictures(of:limit:few:seed:)``.
    let channelPictures: [Int]
    /// Number of images for the decoders, the first of all.
    let decoded: Int
    let split: PictureSplit
    let inputs: AssessmentInputs
    let work: WorkDirectory
    let scratch: ScratchSpace
    /// Raised by the caller, or by the deadline of ``limited(to:)``.
    private(set) var cancellation: CancellationFlag
    /// Raised by the caller.
    private let caller: CancellationFlag
    let progress: @Sendable (AssessmentProgress) -> Void

    var model: AssessmentConfiguration.Network { configuration.model }
    var seed: UInt64 { configuration.seed }
    var threads: Int { configuration.threads }
    /// Digests of the decoders' images.
    var decodedDigests: [String] { pictures.entries.prefix(decoded).map(\.digest) }

    /// Chooses the cuts and reads the images.
    init(
        _ configuration: AssessmentConfiguration, work: WorkDirectory, cancellation: CancellationFlag,
        progress: @escaping @Sendable (AssessmentProgress) -> Void
    ) throws(AssessmentError) {
        self.configuration = configuration
        validator = configuration.validator ?? configuration.model
        mapping = try configuration.model.graph.mappingCut()
        cuts = try CutChoice.cuts(configuration.cuts, of: configuration.model.graph)
        let assessed = Set(cuts.map(\.nodesInside))
        notAssessed = configuration.model.graph.candidateCuts(before: mapping)
            .filter { !assessed.contains($0.nodesInside) }
        for attack in configuration.attacks { try attack.checkBearing(on: cuts) }
        scratch = ScratchSpace(folder: work.path, memoryBytes: configuration.memoryBytes)
        pictures = try PictureSet(
            configuration, validator: validator, scratch: scratch, cancellation: cancellation, progress: progress)
        channelPictures = PictureSample.channelPictures(
            of: pictures.entries.count, limit: configuration.channelImageLimit,
            few: max(2, configuration.fewChannelImages), seed: configuration.seed)
        decoded = min(pictures.entries.count, configuration.decoderImageLimit)
        split = PictureSplit(count: decoded, seed: configuration.seed)
        inputs = AssessmentInputs(configuration, validator: validator)
        self.work = work
        self.cancellation = cancellation
        caller = cancellation
        self.progress = progress
    }

    /// The attacker that the gates are judged for.
    var attacker: Attacker { Attacker(pictures: configuration.attackerPictures, counted: decoded) }

    /// The same with a deadline for what runs in it: ``untilDeadline(_:)``.
    func limited(to deadline: ContinuousClock.Instant?) -> StageContext {
        var limited = self
        limited.cancellation = CancellationFlag(under: caller, deadline: deadline)
        return limited
    }

    /// - Returns: The value of `body`; `nil` if the deadline ended it.
    /// - Throws: What `body` throws otherwise; `.cancelled` once the caller has cancelled.
    func untilDeadline<Value>(_ body: () throws(AssessmentError) -> Value) throws(AssessmentError) -> Value? {
        do throws(AssessmentError) { return try body() } catch {
            guard error.code == .cancelled, !caller.isCancelled else { throw error }
            return nil
        }
    }

    func meter(_ stage: AssessmentProgress.Stage, total: Int) -> ProgressMeter {
        ProgressMeter(stage, total: total, report: progress)
    }
}
