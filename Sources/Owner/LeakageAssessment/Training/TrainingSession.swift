// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import OneDNN

/// The data and the network of one ``TrainedDecoder``. Used by one thread.
final class TrainingSession {
    private let maps: FeatureMaps
    private let shortcut: [Picture]
    private let targets: [Picture]
    private let split: PictureSplit
    private let options: TrainedDecoder.Options
    private let network: InverseNetwork
    private let loss: SimilarityLoss
    private let patch: (rows: Int, columns: Int)
    /// 1 / MSE of the mean image.
    private let scale: Float
    private var generator: SeededGenerator

    init(
        maps: FeatureMaps, shortcut: [Picture], targets: [Picture], split: PictureSplit, seed: UInt64,
        options: TrainedDecoder.Options
    ) throws(OneDNNError) {
        self.maps = maps
        self.shortcut = shortcut
        self.targets = targets
        self.split = split
        self.options = options
        let target = targets[0]
        patch = (target.height / maps.height, target.width / maps.width)
        let shown = target.channels * patch.rows * patch.columns
        network = try InverseNetwork(
            batch: options.batch, channels: maps.channels + shown, grid: (maps.height, maps.width),
            factors: Self.factors(patch), colours: target.channels, seed: seed)
        loss = SimilarityLoss(height: target.height, width: target.width, channels: target.channels)
        let mean = Picture.mean(of: split.fitting.map { targets[$0] })
        let error = Statistics.mean(
            split.fitting.map { picture in
                zip(targets[picture].values, mean.values).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
                    / Double(mean.values.count)
            })
        scale = Float(1 / max(error, 1e-6))
        generator = SeededGenerator(seed: seed, purpose: "order of training")
    }

    /// Factors of 2 while both sides are even, then the remaining factor.
    private static func factors(_ patch: (rows: Int, columns: Int)) -> [(rows: Int, columns: Int)] {
        var (rest, factors) = (patch, [(rows: Int, columns: Int)]())
        while rest.rows.isMultiple(of: 2), rest.columns.isMultiple(of: 2) {
            factors.append((2, 2))
            rest = (rest.rows / 2, rest.columns / 2)
        }
        if rest != (1, 1) { factors.append(rest) }
        return factors
    }

    /// - Returns: Number of epochs, and the best of them.
    func train(isCancelled: () -> Bool) throws(OneDNNError) -> (epochs: Int, best: Int) {
        // A backward pass costs twice a forward pass.
        let perEpoch = max(1, 3 * network.multiplyAdds * split.fitting.count)
        let epochs = min(max(options.multiplyAdds / perEpoch, options.epochs.lowerBound), options.epochs.upperBound)
        let batches = max(1, split.fitting.count / options.batch)
        let total = Float(epochs * batches)
        var best = (error: try validationError(), epoch: 0, parameters: network.parameters)
        var (step, trained) = (0, 0)
        for epoch in 1...epochs {
            let order = generator.permutation(of: split.fitting.count).map { split.fitting[$0] }
            for batch in 0..<batches {
                if isCancelled() { return (trained, best.epoch) }
                let pictures = (0..<options.batch).map { order[(batch * options.batch + $0) % order.count] }
                fill(pictures)
                try network.forward()
                differentiate(pictures)
                try network.backward()
                // A short warm-up: Adam's moment estimates are unreliable at first.
                let rise = min(1, Float(step + 1) / 50)
                let rate = options.rate * rise * 0.5 * (1 + cos(Float.pi * Float(step) / total))
                step += 1
                network.update(rate: rate, step: step)
            }
            trained = epoch
            let error = try validationError()
            if error < best.error {
                best = (error, epoch, network.parameters)
            } else if epoch - best.epoch >= options.patience {
                break
            }
        }
        network.parameters = best.parameters
        return (trained, best.epoch)
    }

    /// Clipped to [0, 1].
    func reconstructions(of pictures: [Int]) throws(OneDNNError) -> [Picture] {
        var result: [Picture] = []
        for start in stride(from: 0, to: pictures.count, by: options.batch) {
            let part = Array(pictures[start..<min(pictures.count, start + options.batch)])
            // The last batch is filled by repetition.
            fill((0..<options.batch).map { part[$0 % part.count] })
            try network.forward()
            network.output.withValues { output in
                for (position, picture) in part.enumerated() {
                    var decoded = shortcut[picture]
                    let count = decoded.values.count
                    for index in 0..<count {
                        decoded.values[index] = min(max(decoded.values[index] + output[position * count + index], 0), 1)
                    }
                    result.append(decoded)
                }
            }
        }
        return result
    }

    private func validationError() throws(OneDNNError) -> Double {
        let decoded = try reconstructions(of: split.validation)
        var error = 0.0
        for (picture, decoded) in zip(split.validation, decoded) {
            for (a, b) in zip(decoded.values, targets[picture].values) { error += Double((a - b) * (a - b)) }
        }
        return error.isFinite ? error : .infinity
    }

    /// Fills the input with the channels, then the pixels of the shortcut under each cell.
    private func fill(_ pictures: [Int]) {
        let (channels, colours) = (maps.channels, targets[0].channels)
        let line = patch.columns * colours
        let stride = channels + patch.rows * line
        network.input.withValues { input in
            for (position, picture) in pictures.enumerated() {
                let (map, pixels) = (maps.values(of: picture), shortcut[picture].values)
                for cell in 0..<maps.cells {
                    let start = (position * maps.cells + cell) * stride
                    for channel in 0..<channels { input[start + channel] = map[cell * channels + channel] }
                    let (y, x) = (cell / maps.width, cell % maps.width)
                    for row in 0..<patch.rows {
                        let pixel = ((y * patch.rows + row) * maps.width + x) * line
                        for index in 0..<line {
                            // Scaled to about the magnitude of the standardised channels.
                            input[start + channels + row * line + index] = 4 * (pixels[pixel + index] - 0.5)
                        }
                    }
                }
            }
        }
    }

    /// The gradient of the loss, mean over the batch.
    private func differentiate(_ pictures: [Int]) {
        let count = targets[0].values.count
        let share = options.similarityShare / Float(pictures.count)
        network.output.withValues { output in
            network.outputGradient.withValues { gradient in
                for (position, picture) in pictures.enumerated() {
                    let (target, base) = (targets[picture].values, shortcut[picture].values)
                    let decoded = (0..<count).map { base[$0] + output[position * count + $0] }
                    let factor = 2 * scale / Float(count * pictures.count)
                    let part = UnsafeMutableBufferPointer(rebasing: gradient[position * count..<(position + 1) * count])
                    for index in 0..<count { part[index] = factor * (decoded[index] - target[index]) }
                    decoded.withUnsafeBufferPointer { decoded in
                        target.withUnsafeBufferPointer { target in
                            _ = loss.add(of: decoded, to: target, weight: share, gradient: part)
                        }
                    }
                }
            }
        }
    }
}
