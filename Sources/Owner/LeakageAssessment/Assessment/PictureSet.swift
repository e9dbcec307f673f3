// SPDX-License-Identifier: Apache-2.0
internal import Imaging
internal import ModelGraph
internal import Tensors

/// The images of an assessment, as the model sees them. Their pixels are in a ``RecordStore``, so that memory does not
/// grow with their number.
struct PictureSet: Sendable {
    struct Entry: Sendable {
        let name: String
        let path: String
        /// SHA-256 of the file.
        let digest: String
        /// Whether all pixels have one colour.
        let isPlain: Bool
        /// Whether the file has further frames or pages.
        let hasFurtherPictures: Bool
        /// The index of its pixels in the store.
        fileprivate let record: Int
    }

    /// The pictures, sorted by name.
    let entries: [Entry]
    /// Damaged files, and copies: a decoder that learned from an image must not be tested on it.
    let skipped: [AssessmentResult.SkippedPicture]
    /// Number of files in the folder.
    let files: Int
    /// Whether the images are a random sample of the folder.
    let isDrawn: Bool
    /// 8-bit RGB or grey at the size of the model's input.
    private let pixels: RecordStore<UInt8>
    private let normalizer: Preprocessor

    /// Number of files that are read in parallel.
    private static let block = 64

    /// Reads the files of a ``PictureSample`` until there are enough readable images.
    ///
    /// - Throws: ``AssessmentError`` `.file` for the folder, `.tooFewImages` when fewer than ``PictureSplit/minimum``
    ///   can be used.
    init(
        _ configuration: AssessmentConfiguration, validator: AssessmentConfiguration.Network, scratch: ScratchSpace,
        cancellation: CancellationFlag, progress: @escaping @Sendable (AssessmentProgress) -> Void
    ) throws(AssessmentError) {
        let folder: ImageFolder
        do throws(ImagingError) { folder = try ImageFolder(configuration.imageFolder) } catch {
            throw AssessmentError(.file, error.message)
        }
        let (names, paths) = (folder.names, folder.paths)
        let sample = PictureSample(
            files: paths.count, limit: configuration.imageLimit,
            needed: max(configuration.channelImageLimit, configuration.decoderImageLimit), seed: configuration.seed)
        let (order, wanted) = (sample.order, sample.wanted)
        let form = configuration.model.preprocessing
        let preprocessors = (model: Preprocessor(form), validator: Preprocessor(validator.preprocessing))
        let meter = ProgressMeter(.readingPictures, total: wanted, report: progress)
        pixels = try RecordStore(
            count: wanted, length: form.height * form.width * form.channels.count, in: scratch)

        var entries: [(file: Int, entry: Entry)] = []
        var skipped: [(file: Int, picture: AssessmentResult.SkippedPicture)] = []
        var contents: Set<String> = []
        var next = 0
        // Damaged files and copies are replaced by later ones.
        while entries.count < wanted, next < order.count {
            let files = order[next..<min(order.count, next + min(Self.block, wanted - entries.count))]
            next = files.endIndex
            let loaded = try WorkerThreads<Loaded>.map(count: files.count, threads: configuration.threads) {
                () throws(AssessmentError) in
            } body: { (_, item) throws(AssessmentError) in
                try cancellation.check()
                defer { meter.advance(by: 1) }
                return Loaded(paths[files[files.startIndex + item]], preprocessors)
            }
            for (file, outcome) in zip(files, loaded) {
                switch outcome {
                case .good(let digest, let pixels, let hasFurtherPictures):
                    guard contents.insert(pixels.withUnsafeBytes(InputHasher.digest)).inserted else {
                        skipped.append((file, .init(name: names[file], reason: "it is a copy of another picture")))
                        continue
                    }
                    try self.pixels.write(pixels, at: entries.count)
                    let entry = Entry(
                        name: names[file], path: paths[file], digest: digest,
                        isPlain: pixels.allSatisfy { $0 == pixels[0] }, hasFurtherPictures: hasFurtherPictures,
                        record: entries.count)
                    entries.append((file, entry))
                case .refused(let reason): skipped.append((file, .init(name: names[file], reason: reason)))
                }
            }
        }
        guard entries.count >= PictureSplit.minimum else {
            let refused = skipped.first.map {
                "; \(skipped.count) could not be used, such as \($0.picture.name): \($0.picture.reason)"
            }
            throw AssessmentError(
                .tooFewImages,
                "\(configuration.imageFolder): \(entries.count) different usable pictures, at least "
                    + "\(PictureSplit.minimum) are needed and 60 or more recommended" + (refused ?? ""))
        }
        self.entries = entries.sorted { $0.file < $1.file }.map(\.entry)
        self.skipped = skipped.sorted { $0.file < $1.file }.map(\.picture)
        files = paths.count
        isDrawn = sample.isDrawn
        do throws(TensorError) {
            normalizer = Preprocessor(
                try Preprocessing(
                    width: form.width, height: form.height, channels: form.channels, resize: .none,
                    interpolation: form.interpolation, mean: form.normalization.mean, std: form.normalization.std))
        } catch { throw AssessmentError(.invalidConfiguration, error.message) }
    }

    private enum Loaded: Sendable {
        case good(digest: String, pixels: [UInt8], hasFurtherPictures: Bool)
        case refused(String)

        init(_ path: String, _ preprocessors: (model: Preprocessor, validator: Preprocessor)) {
            do throws(ImagingError) {
                let bytes = try Image.bytes(ofFile: path)
                let image = try Image(decoding: bytes.span.bytes)
                let fitted = try preprocessors.model.fitted(image)
                // The image must also fit the validator's preprocessing.
                _ = try preprocessors.validator.fitted(image)
                self = .good(
                    digest: bytes.withUnsafeBytes(InputHasher.digest), pixels: fitted.pixels,
                    hasFurtherPictures: image.hasFurtherPictures)
            } catch { self = .refused(error.about(path).message) }
        }
    }

    /// A warning of files with several frames or pages, of which only the first is used.
    var framesWarning: String? {
        let several = entries.filter(\.hasFurtherPictures)
        return several.first.map {
            "\(several.count) of the files have several frames or pages, of which the first is used, such as \($0.name)."
        }
    }

    /// One image as the model sees it.
    func image(_ index: Int) throws(AssessmentError) -> Image {
        let form = normalizer.preprocessing
        do throws(ImagingError) {
            return try Image(
                width: form.width, height: form.height, channels: form.channels.count,
                pixels: pixels.record(entries[index].record))
        } catch { throw AssessmentError(.file, "\(entries[index].name): \(error.message)") }
    }

    /// The model's input for one image.
    func tensor(of index: Int) throws(AssessmentError) -> Tensor {
        let image = try image(index)
        try pixels.check()
        do throws(ImagingError) { return try normalizer.tensor(of: image) } catch {
            throw AssessmentError(.file, "\(entries[index].name): \(error.message)")
        }
    }

    /// One image with values in [0, 1].
    func picture(_ index: Int) throws(AssessmentError) -> Picture {
        let image = try image(index)
        try pixels.check()
        return Picture(
            height: image.height, width: image.width, channels: image.channels,
            values: image.pixels.map { Float($0) / 255 })
    }

    /// The original image, read from its file again.
    ///
    /// - Throws: ``AssessmentError`` `.file` when the file has changed since the assessment began.
    func original(_ index: Int) throws(AssessmentError) -> Image {
        let entry = entries[index]
        let bytes: [UInt8]
        do throws(ImagingError) { bytes = try Image.bytes(ofFile: entry.path) } catch {
            throw AssessmentError(.file, error.about(entry.path).message)
        }
        guard bytes.withUnsafeBytes(InputHasher.digest) == entry.digest else {
            throw AssessmentError(.file, "\(entry.path): the file changed during the assessment")
        }
        do throws(ImagingError) { return try Image(decoding: bytes.span.bytes) } catch {
            throw AssessmentError(.file, error.about(entry.path).message)
        }
    }
}
