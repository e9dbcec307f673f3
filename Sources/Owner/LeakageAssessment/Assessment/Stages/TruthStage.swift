// SPDX-License-Identifier: Apache-2.0
internal import Imaging
internal import Tensors

/// The validator's class distributions for the images of the channel KL.
struct Truths: Sendable {
    /// Their indices among the images in use; the indices here are positions in this list.
    let pictures: [Int]
    /// Probabilities, then the entropy.
    private let records: RecordStore<Double>

    var count: Int { pictures.count }

    fileprivate init(of pictures: [Int], classes: Int, scratch: ScratchSpace) throws(AssessmentError) {
        self.pictures = pictures
        records = try RecordStore(count: pictures.count, length: classes + 1, in: scratch)
    }

    fileprivate func keep(_ distribution: ClassDistribution, of picture: Int) throws(AssessmentError) {
        try records.write(distribution.probabilities + [distribution.entropy], at: picture)
    }

    func distribution(of picture: Int) throws(AssessmentError) -> ClassDistribution {
        let record = records.record(picture)
        try records.check()
        return ClassDistribution(probabilities: Array(record.dropLast()), entropy: record[record.count - 1])
    }

    /// Positions among the first `count`, of the images whose class the validator is sure of. Empty where that is the
    /// same class for all of them.
    func judged(ofFirst count: Int) throws(AssessmentError) -> [Int] {
        let classes = try map { $0.confidence >= Warnings.confidence ? $0.likeliestClass : nil }.prefix(count)
        return Set(classes.compactMap(\.self)).count >= 2 ? classes.indices.filter { classes[$0] != nil } : []
    }

    /// One element per picture.
    func map<Value>(_ body: (ClassDistribution) -> Value) throws(AssessmentError) -> [Value] {
        var values: [Value] = []
        for picture in 0..<count { values.append(body(try distribution(of: picture))) }
        return values
    }
}

enum TruthStage {
    static func run(_ context: StageContext) throws(AssessmentError) -> Truths {
        let pictures = context.pictures
        let chosen = context.channelPictures
        let truths = try Truths(of: chosen, classes: context.validator.classes, scratch: context.scratch)
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
            try truths.keep(truth, of: item)
        }
        return truths
    }
}
