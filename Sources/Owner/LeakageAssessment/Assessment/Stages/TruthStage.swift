// SPDX-License-Identifier: Apache-2.0
internal import Imaging
internal import Tensors

/// The validator's class distributions for the images of the channel KL.
struct Truths: Sendable {
    let count: Int
    /// Probabilities, then the entropy.
    private let records: RecordStore<Double>

    fileprivate init(count: Int, classes: Int, scratch: ScratchSpace) throws(AssessmentError) {
        self.count = count
        records = try RecordStore(count: count, length: classes + 1, in: scratch)
    }

    fileprivate func keep(_ distribution: ClassDistribution, of picture: Int) throws(AssessmentError) {
        try records.write(distribution.probabilities + [distribution.entropy], at: picture)
    }

    func distribution(of picture: Int) throws(AssessmentError) -> ClassDistribution {
        let record = records.record(picture)
        try records.check()
        return ClassDistribution(probabilities: Array(record.dropLast()), entropy: record[record.count - 1])
    }

    /// One element per picture.
    func map<Value>(_ body: (ClassDistribution) -> Value) throws(AssessmentError) -> [Value] {
        var values: [Value] = []
        for picture in 0..<count { values.append(body(try distribution(of: picture))) }
        return values
    }
}

enum TruthStage {
    /// - Parameter wanted: Only these images; `nil` for all of the channel KL.
    static func run(_ context: StageContext, of wanted: [Int]? = nil) throws(AssessmentError) -> Truths {
        let pictures = context.pictures
        let count = min(pictures.entries.count, context.configuration.channelImageLimit)
        let truths = try Truths(count: count, classes: context.validator.classes, scratch: context.scratch)
        let chosen = wanted ?? Array(0..<count)
        let preprocessor = Preprocessor(context.validator.preprocessing)
        _ = try WorkerThreads<Void>.map(count: chosen.count, threads: context.threads) { () throws(AssessmentError) in
            Lazily { () throws(AssessmentError) in try Classifier(context.validator) }
        } body: { (classifier, item) throws(AssessmentError) in
            try context.cancellation.check()
            let entry = pictures.entries[chosen[item]]
            let truth = try context.work.result(of: context.inputs.key("truth", pictures: [entry.digest])) {
                () throws(AssessmentError) in
                let image = try pictures.original(chosen[item])
                let input: Tensor
                do throws(ImagingError) { input = try preprocessor.tensor(of: image) } catch {
                    throw AssessmentError(.file, "\(entry.name): \(error.message)")
                }
                do throws(AssessmentError) { return try classifier.value().distribution(of: input) } catch {
                    throw AssessmentError(error.code, "validator, picture \(entry.name): \(error.message)")
                }
            }
            try truths.keep(truth, of: chosen[item])
        }
        return truths
    }
}
