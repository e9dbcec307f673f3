// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// The compiled last layers and the class names. They turn the BackNet's results into a client's answer.
struct MappingUnit: ~Copyable, Sendable {
    private let plans: WorkerPlans
    private let names: ClassNames
    private let appliesSoftmax: Bool
    let layout: AnswerLayout
    /// The number of the model's classes.
    let classes: Int
    /// The graph's inputs: the host's results, then the retained tensors.
    let inputs: [Value]

    /// - Parameter part: Its weights are released as they are converted.
    /// - Throws: ``EnclaveRefusal`` (mappingUnitRefused) when the part cannot be run, or its answers are too large.
    init(_ part: consuming MappingUnitPart, workers: InferenceWorkers) throws(EnclaveRefusal) {
        guard part.graph.type(of: part.graph.outputs[0]).element == .float32 else {
            throw EnclaveRefusal(.mappingUnitRefused)
        }
        let names = ClassNames(part.classNames)
        let classCount = part.classNames.count
        let layout: AnswerLayout
        let plans: WorkerPlans
        do throws(SealedChannelError) {
            layout = try AnswerLayout(classCount: part.topK, nameByteCount: names.maximumBytes)
        } catch { throw EnclaveRefusal(.mappingUnitRefused) }
        let appliesSoftmax = part.appliesSoftmax
        var options = PlanOptions(precision: Precision(part.precision), allocator: .wiping)
        options.extraMemory = .none
        do throws(InferenceError) {
            plans = try WorkerPlans(compiling: (consume part).graph, options: options, workers: workers)
        } catch { throw EnclaveRefusal(.mappingUnitRefused) }
        self.plans = plans
        self.layout = layout
        classes = classCount
        self.names = names
        self.appliesSoftmax = appliesSoftmax
        inputs = plans.inputs
    }

    /// - Parameter tensors: One for each of ``inputs``, of its type.
    /// - Returns: The binary HTTP response to seal.
    /// - Throws: ``AnswerRefusal`` (failed).
    func answer(_ tensors: [Tensor], worker: Int) throws(AnswerRefusal) -> SecretBytes {
        let results: [Tensor]
        do throws(InferenceError) { results = try plans.run(tensors, worker: worker) } catch {
            throw AnswerRefusal(.failed)
        }
        guard results.count == 1, results[0].isFinite else { throw AnswerRefusal(.failed) }
        let ranking = Ranking(results[0], count: layout.classCount, appliesSoftmax: appliesSoftmax)
        do throws(SealedChannelError) {
            return try ClassificationAnswer.encodeBinaryResponse(layout: layout) {
                (position: Int, writer: inout AnswerEntryWriter) throws(SealedChannelError) -> Void in
                let (index, probability) = ranking[position]
                try names.withName(index) { (name) throws(SealedChannelError) in
                    try writer.write(index: index, probability: probability, name: name)
                }
            }
        } catch { throw AnswerRefusal(.failed) }
    }
}
