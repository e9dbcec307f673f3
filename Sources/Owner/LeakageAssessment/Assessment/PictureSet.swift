internal import Imaging
internal import ModelGraph
internal import Tensors

/// The pictures of an assessment, as the model sees them, and what the validator thinks of the first of them.
struct PictureSet: Sendable {
    struct Entry: Sendable {
        let name: String
        /// 8-bit RGB or grey at the size of the model's input.
        let image: Image
        /// The validator's view, for the pictures of the channel KL.
        let truth: ClassDistribution?
    }

    let entries: [Entry]
    let skipped: [AssessmentResult.SkippedPicture]
    /// Pictures that differ from each other.
    let distinct: Int
    private let normalizer: Preprocessor

    /// Reads files in the order of their names until there are enough good ones.
    ///
    /// - Throws: ``AssessmentError`` `.file` for the folder, `.tooFewImages` when fewer than
    ///   ``PictureSplit/minimum`` can be used.
    init(
        _ configuration: AssessmentConfiguration, validator: AssessmentConfiguration.Network,
        cancellation: CancellationFlag, progress: @escaping @Sendable (AssessmentProgress) -> Void
    ) throws(AssessmentError) {
        let folder: ImageFolder
        do throws(ImagingError) { folder = try ImageFolder(configuration.imageFolder) } catch {
            throw AssessmentError(.file, error.message)
        }
        let wanted = min(
            configuration.imageLimit ?? .max,
            max(configuration.channelImageLimit, configuration.decoderImageLimit))
        let limit = configuration.channelImageLimit
        let preprocessor = Preprocessor(configuration.model.preprocessing)
        let validatorPreprocessor = Preprocessor(validator.preprocessing)
        let meter = ProgressMeter(
            .readingPictures, total: min(wanted, folder.paths.count), report: progress)

        var entries: [Entry] = []
        var skipped: [AssessmentResult.SkippedPicture] = []
        var next = 0
        // Files that turn out to be damaged are replaced by later ones, a block at a time.
        while entries.count < wanted, next < folder.paths.count {
            let (start, good) = (next, entries.count)
            let block = min(wanted - good, folder.paths.count - start)
            next += block
            let loaded = try WorkerThreads<Loaded>.map(
                count: block, threads: configuration.threads
            ) { () throws(AssessmentError) in
                try Classifier(validator)
            } body: { (classifier, item) throws(AssessmentError) in
                try cancellation.check()
                defer { meter.advance(by: 1) }
                let image: Image
                let fitted: Image
                let tensor: Tensor
                do throws(ImagingError) {
                    image = try Image(contentsOf: folder.paths[start + item])
                    fitted = try preprocessor.fitted(image)
                    tensor = try validatorPreprocessor.tensor(of: image)
                } catch { return .refused(error.message) }
                // Damaged files in between may leave one too many judged; that costs a pass of the validator.
                let truth = good + item < limit + block ? try classifier.distribution(of: tensor) : nil
                return .good(fitted, truth)
            }
            for (item, outcome) in loaded.enumerated() {
                let name = folder.names[start + item]
                switch outcome {
                case .good(let image, let truth):
                    entries.append(
                        Entry(name: name, image: image, truth: entries.count < limit ? truth : nil))
                case .refused(let reason): skipped.append(.init(name: name, reason: reason))
                }
            }
        }
        distinct = Set(entries.map(\.image)).count
        guard distinct >= PictureSplit.minimum else {
            let refused = skipped.first.map { "; \(skipped.count) could not be used, such as \($0.name): \($0.reason)" }
            throw AssessmentError(
                .tooFewImages,
                "\(configuration.imageFolder): \(distinct) different usable pictures, at least "
                    + "\(PictureSplit.minimum) are needed and 60 or more recommended" + (refused ?? ""))
        }
        self.entries = entries
        self.skipped = skipped
        let preprocessing = configuration.model.preprocessing
        do throws(TensorError) {
            normalizer = Preprocessor(
                try Preprocessing(
                    width: preprocessing.width, height: preprocessing.height, channels: preprocessing.channels,
                    resize: .none, interpolation: preprocessing.interpolation,
                    mean: preprocessing.normalization.mean, std: preprocessing.normalization.std))
        } catch { throw AssessmentError(.invalidConfiguration, error.message) }
    }

    private enum Loaded: Sendable {
        case good(Image, ClassDistribution?)
        case refused(String)
    }

    /// The validator's views of the pictures of the channel KL, in order.
    var truths: [ClassDistribution] { entries.compactMap(\.truth) }

    /// The model's input for one picture.
    func tensor(of index: Int) throws(AssessmentError) -> Tensor {
        do throws(ImagingError) { return try normalizer.tensor(of: entries[index].image) } catch {
            throw AssessmentError(.file, "\(entries[index].name): \(error.message)")
        }
    }

    /// One picture in [0, 1].
    func picture(_ index: Int) -> Picture {
        let image = entries[index].image
        return Picture(
            height: image.height, width: image.width, channels: image.channels,
            values: image.pixels.map { Float($0) / 255 })
    }
}
