// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// The statistics of a batch normalisation, per channel.
struct Statistics {
    let scales: Tensor
    let means: Tensor
    /// Chosen so that their square root is Darknet's divisor.
    let variances: Tensor

    /// Scales, means and variances follow one another in the file. Darknet divides by sqrt(variance) + 0.000001; other
    /// frameworks add an epsilon to the variance. AlexeyAB's fork, which marks its files, adds 0.00001.
    init(_ channels: Int, _ weights: inout Weights, _ section: Section) throws(DarknetImportError) {
        scales = try weights.read("scales", [channels], for: section)
        means = try weights.read("rolling means", [channels], for: section)
        let stored = try weights.read("rolling variances", [channels], for: section)
        variances = try Network.tensor(
            stored.withElements(as: Float.self) { values in
                values.map { variance in
                    guard !weights.isOfFork else { return Float(Double(variance) + 0.00001) }
                    let deviation = Double(variance).squareRoot() + 0.000001
                    return Float(deviation * deviation)
                }
            }, [channels], section)
    }
}

extension Network {
    mutating func normalize(
        _ layer: Layer, _ statistics: Statistics, _ biases: Tensor, in section: Section
    ) throws(DarknetImportError) -> Layer {
        try add(
            .batchNormalization(BatchNormalization(epsilon: 0)), [layer],
            constants: [
                ("scales", statistics.scales), ("biases", biases), ("means", statistics.means),
                ("variances", statistics.variances),
            ], as: "batchnorm", in: section)
    }

    /// Batch normalisation as a section of its own, which has no biases in the file.
    mutating func batchnorm(_ section: inout Section, _ weights: inout Weights) throws(DarknetImportError) -> Layer {
        let channels = current.shape[1]
        let statistics = try Statistics(channels, &weights, section)
        let zeros = try Self.tensor([Float](repeating: 0, count: channels), [channels], section)
        return try normalize(current, statistics, zeros, in: section)
    }
}
