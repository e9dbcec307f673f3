/// How 8-bit pixels become the network's input: value = (pixel - mean[c]) / std[c], per channel as fed.
public struct PixelNormalization: Sendable, Hashable {
    public let mean: [Float]
    public let std: [Float]

    /// - Throws: ``TensorError`` when the lists differ in length, are empty, or hold a non-finite mean or a zero or
    ///   non-finite deviation.
    public init(mean: [Float], std: [Float]) throws(TensorError) {
        guard !mean.isEmpty, mean.count == std.count else {
            throw TensorError(
                .mismatch, "\(mean.count) means and \(std.count) standard deviations: one each per channel")
        }
        guard mean.allSatisfy(\.isFinite), std.allSatisfy({ $0.isFinite && $0 != 0 }) else {
            throw TensorError(.mismatch, "means must be finite, standard deviations finite and not 0")
        }
        self.mean = mean
        self.std = std
    }
}
