// SPDX-License-Identifier: Apache-2.0
/// Converts 8-bit pixels to a network's input: `(pixel - mean) / std`, with one mean and standard deviation per
/// channel.
///
/// Plain inference, the assessment and the enclave all call ``normalized(_:allocator:)``, so that their inputs are
/// bit-identical.
public struct PixelNormalization: Sendable, Hashable {
    /// The largest number of channels.
    package static let maximumChannels = 64

    /// In pixel units, 0 to 255; one finite value per channel, in the order of the network's input.
    public let mean: [Float]
    /// In pixel units; one finite, non-zero value per channel, in the order of the network's input.
    public let std: [Float]

    /// - Throws: ``TensorError`` when the counts differ, there is no channel, a value is not finite, or a deviation is 0.
    package init(mean: [Float], std: [Float]) throws(TensorError) {
        guard mean.count == std.count, (1...Self.maximumChannels).contains(mean.count) else {
            throw TensorError(
                .mismatch,
                "normalisation: found \(mean.count) values of mean and \(std.count) of std, "
                    + "expected the same number, 1 to \(Self.maximumChannels)")
        }
        for (channel, value) in mean.enumerated() where !value.isFinite {
            throw TensorError(.malformed, "normalisation: mean[\(channel)] is \(value), expected a finite number")
        }
        for (channel, value) in std.enumerated() where !value.isFinite || value == 0 {
            throw TensorError(.malformed, "normalisation: std[\(channel)] is \(value), expected finite and not 0")
        }
        self.init(checkedMean: mean, checkedStd: std)
    }

    private init(checkedMean mean: [Float], checkedStd std: [Float]) {
        self.mean = mean
        self.std = std
    }

    /// The statistics that torchvision's classifiers were trained with, times 255.
    package static let imageNet = PixelNormalization(
        checkedMean: [123.675, 116.28, 103.53], checkedStd: [58.395, 57.12, 57.375])

    /// The network's input.
    ///
    /// The time depends on the shape only: pixels may be secret, so none is used as an index.
    ///
    /// - Parameters:
    ///   - pixels: u8 `[1, H, W, C]`, with C the number of means.
    ///   - allocator: Allocates the result; no other memory holds pixels.
    /// - Returns: f32 `[1, C, H, W]`.
    /// - Throws: ``TensorError`` when `pixels` has another type or shape.
    package func normalized(
        _ pixels: Tensor, allocator: StorageAllocator = .standard
    ) throws(TensorError) -> Tensor {
        let shape = pixels.shape
        guard pixels.element == .uint8, shape.rank == 4, shape[0] == 1, shape[3] == mean.count else {
            throw TensorError(
                .mismatch, "normalisation: expected u8 1xHxWx\(mean.count) pixels, found \(pixels.type)")
        }
        let area = shape[1] * shape[2]
        let type = TensorType(.float32, try Shape([1, shape[3], shape[1], shape[2]]))
        return Tensor(type: type, allocator: allocator) { target in
            let planes = target.bindMemory(to: Float.self)
            pixels.withElements(as: UInt8.self) { source in
                for channel in mean.indices {
                    // A constant stride lets the compiler vectorise the loop.
                    switch mean.count {
                    case 1: fill(planes, channel, area, from: source, stride: 1)
                    case 3: fill(planes, channel, area, from: source, stride: 3)
                    default: fill(planes, channel, area, from: source, stride: mean.count)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func fill(
        _ planes: UnsafeMutableBufferPointer<Float>, _ channel: Int, _ area: Int,
        from source: UnsafeBufferPointer<UInt8>, stride: Int
    ) {
        guard area > 0, let input = source.baseAddress, let output = planes.baseAddress else { return }
        let (center, deviation) = (mean[channel], std[channel])
        let plane = output + channel * area
        let first = input + channel
        for index in 0..<area {
            plane[index] = (Float(first[index &* stride]) - center) / deviation
        }
    }
}

extension PixelNormalization: Codable {
    private enum CodingKeys: String, CodingKey { case mean, std }

    /// - Throws: `DecodingError` for values that the other initialiser refuses.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        do {
            try self.init(
                mean: members.decode([Float].self, forKey: .mean), std: members.decode([Float].self, forKey: .std))
        } catch let error as TensorError {
            throw DecodingError.dataCorrupted(
                .init(codingPath: members.codingPath, debugDescription: error.message))
        }
    }
}
