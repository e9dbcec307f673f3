// SPDX-License-Identifier: Apache-2.0
/// How an image becomes a network's input tensor: resize, crop the centre, order the channels, normalise.
///
/// Encoded in the form of `preprocess.json`. A value is always valid: sizes are positive and bounded, and there is one
/// mean and one non-zero standard deviation per channel.
public struct Preprocessing: Sendable, Hashable {
    /// The channels of the input, in order.
    public enum Channels: String, Sendable, Hashable, CaseIterable {
        case rgb = "RGB"
        case bgr = "BGR"
        case grey

        /// 3 for colour, 1 for grey.
        public var count: Int { self == .grey ? 1 : 3 }
    }

    /// How an image is resized; the centre is cropped afterwards.
    public enum Resize: Sendable, Hashable {
        /// The shorter side becomes this many pixels; the longer one keeps the aspect ratio, rounded to nearest.
        case shorterSide(Int)
        /// The same, with the longer side rounded down and the crop placed as the library does it.
        case shorterSideLike(Library, Int)
        /// To the size of the tensor; the aspect ratio is not kept.
        case stretch
        /// To this size; the aspect ratio is not kept.
        case stretchTo(width: Int, height: Int)
        /// The same, with the crop placed as the library does it.
        case stretchToLike(Library, width: Int, height: Int)
        /// Fits inside the tensor with the aspect ratio kept; the rest has this value in every channel.
        case letterbox(fill: UInt8)
        /// Fits inside the tensor as Darknet's classifier does it: the shorter side is rounded down, samples are
        /// interpolated between their four neighbours with aligned corners, and the rest is middle grey (128).
        case darknetLetterbox
        /// Not resized.
        case none
    }

    /// The library whose rounding applies where a side or a margin is odd.
    public enum Library: String, Sendable, Hashable, CaseIterable {
        /// The margins of the crop are rounded to nearest, half to even.
        case torchvision
        /// The margins of the crop are rounded down.
        case transformers
    }

    /// The resampling filter; when shrinking, its support grows with the factor.
    public enum Interpolation: String, Sendable, Hashable, CaseIterable {
        case bilinear
        case bicubic
    }

    /// Limit of width, height and length of the shorter side, in pixels.
    package static let maximumSide = 8192

    /// Width of the tensor in pixels.
    public let width: Int
    /// Height of the tensor in pixels.
    public let height: Int
    /// The channels of the input.
    public let channels: Channels
    /// The resize before the crop.
    public let resize: Resize
    /// The filter of the resize.
    public let interpolation: Interpolation
    /// Mean and standard deviation of each channel, in the order of the network's input.
    public let normalization: PixelNormalization

    /// - Parameters:
    ///   - width: 1 to ``maximumSide`` pixels.
    ///   - height: 1 to ``maximumSide`` pixels.
    ///   - mean: One finite value per channel, in pixel units 0 to 255.
    ///   - std: One finite, non-zero value per channel.
    /// - Throws: ``TensorError`` that names the first member out of its range.
    package init(
        width: Int, height: Int, channels: Channels, resize: Resize, interpolation: Interpolation,
        mean: [Float], std: [Float]
    ) throws(TensorError) {
        try Self.check(width, "width")
        try Self.check(height, "height")
        if let (resizedWidth, resizedHeight) = resize.stretchedSides {
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

    /// The usual preprocessing of ImageNet classifiers: shorter side 256, bilinear, 224x224 RGB, torchvision's
    /// statistics.
    package static let imageNet = Preprocessing(
        width: 224, height: 224, channels: .rgb, resize: .shorterSide(256), interpolation: .bilinear,
        normalization: .imageNet)
}

extension Preprocessing.Resize {
    /// The new length of the shorter side; `nil` where another rule determines the size.
    fileprivate var shorterSide: Int? {
        switch self {
        case .shorterSide(let length), .shorterSideLike(_, let length): length
        case .stretch, .stretchTo, .stretchToLike, .letterbox, .darknetLetterbox, .none: nil
        }
    }

    /// The new sides where both are given; `nil` where another rule determines them.
    fileprivate var stretchedSides: (width: Int, height: Int)? {
        switch self {
        case .stretchTo(let width, let height), .stretchToLike(_, let width, let height): (width, height)
        case .shorterSide, .shorterSideLike, .stretch, .letterbox, .darknetLetterbox, .none: nil
        }
    }
}
