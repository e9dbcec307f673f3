/// How a picture becomes the input tensor of a network: resize, crop the centre, order the channels, normalise.
///
/// Encoded as the `preprocess.json` form. A value is always valid: sizes are positive and bounded, and there is one mean
/// and one non-zero deviation for each channel.
public struct Preprocessing: Sendable, Hashable {
    /// The channels that are fed, in order.
    public enum Channels: String, Sendable, Hashable, CaseIterable {
        case rgb = "RGB"
        case bgr = "BGR"
        case grey

        /// 3 for colour, 1 for grey.
        public var count: Int { self == .grey ? 1 : 3 }
    }

    /// How a picture is brought near the size of the tensor; the centre is cropped afterwards.
    public enum Resize: Sendable, Hashable {
        /// The shorter side becomes this many pixels; the longer one keeps the aspect, rounded to nearest.
        case shorterSide(Int)
        /// The same with the longer side rounded down and the crop placed as a library does it.
        case shorterSideLike(Library, Int)
        /// To the size of the tensor, whatever the aspect.
        case stretch
        /// To this size, whatever the aspect.
        case stretchTo(width: Int, height: Int)
        /// Fits inside the tensor with its aspect kept; the rest has this value in every channel.
        case letterbox(fill: UInt8)
        /// Fits inside the tensor as Darknet's classifier does it: the shorter side is rounded down, every sample is
        /// interpolated between its four neighbours from corner to corner, and the rest is middle grey (128).
        case darknetLetterbox
        /// As it is.
        case none
    }

    /// Whose rounding is followed, where a side or a margin is odd.
    public enum Library: String, Sendable, Hashable, CaseIterable {
        /// The margins of the crop are rounded to nearest, halves to even.
        case torchvision
        /// The margins of the crop are rounded down.
        case transformers
    }

    /// The filter; its support grows with the factor when shrinking.
    public enum Interpolation: String, Sendable, Hashable, CaseIterable {
        case bilinear
        case bicubic
    }

    /// The largest width, height and length of the shorter side, in pixels.
    public static let maximumSide = 8192

    /// Pixels of the tensor.
    public let width: Int
    /// Pixels of the tensor.
    public let height: Int
    public let channels: Channels
    public let resize: Resize
    public let interpolation: Interpolation
    /// Mean and deviation of each channel as fed.
    public let normalization: PixelNormalization

    /// - Parameters:
    ///   - width: 1 to ``maximumSide`` pixels.
    ///   - height: 1 to ``maximumSide`` pixels.
    ///   - mean: One finite value for each channel as fed, in pixel units 0 to 255.
    ///   - std: One finite, non-zero value for each channel as fed.
    /// - Throws: ``TensorError`` that names the first member out of its range.
    public init(
        width: Int, height: Int, channels: Channels, resize: Resize, interpolation: Interpolation,
        mean: [Float], std: [Float]
    ) throws(TensorError) {
        try Self.check(width, "width")
        try Self.check(height, "height")
        if case .stretchTo(let resizedWidth, let resizedHeight) = resize {
            try Self.check(resizedWidth, "resize.width")
            try Self.check(resizedHeight, "resize.height")
            guard resizedWidth >= width, resizedHeight >= height else {
                throw TensorError(
                    .mismatch,
                    "preprocessing: \(resizedWidth)x\(resizedHeight) pixels can never fill a crop of \(width)x\(height)"
                )
            }
        }
        if let length = resize.shorterSide {
            try Self.check(length, "resize.length")
            guard length >= min(width, height) else {
                throw TensorError(
                    .mismatch,
                    "preprocessing: a shorter side of \(length) pixels can never fill a crop of \(width)x\(height)")
            }
        }
        guard mean.count == channels.count, std.count == channels.count else {
            throw TensorError(
                .mismatch,
                "preprocessing: channels \(channels.rawValue) need \(channels.count) values of mean and of std, "
                    + "found \(mean.count) and \(std.count)")
        }
        self.init(
            width: width, height: height, channels: channels, resize: resize, interpolation: interpolation,
            normalization: try PixelNormalization(mean: mean, std: std))
    }

    private init(
        width: Int, height: Int, channels: Channels, resize: Resize, interpolation: Interpolation,
        normalization: PixelNormalization
    ) {
        self.width = width
        self.height = height
        self.channels = channels
        self.resize = resize
        self.interpolation = interpolation
        self.normalization = normalization
    }

    private static func check(_ side: Int, _ name: StaticString) throws(TensorError) {
        guard (1...maximumSide).contains(side) else {
            throw TensorError(.invalidShape, "preprocessing: \(name) is \(side), expected 1 to \(maximumSide) pixels")
        }
    }

    /// What ImageNet classifiers usually take: shorter side 256, bilinear, 224x224 RGB, torchvision's statistics.
    public static let imageNet = Preprocessing(
        width: 224, height: 224, channels: .rgb, resize: .shorterSide(256), interpolation: .bilinear,
        normalization: .imageNet)
}

extension Preprocessing.Resize {
    /// Pixels that the shorter side becomes; `nil` where it does not decide.
    fileprivate var shorterSide: Int? {
        switch self {
        case .shorterSide(let length), .shorterSideLike(_, let length): length
        case .stretch, .stretchTo, .letterbox, .darknetLetterbox, .none: nil
        }
    }
}
