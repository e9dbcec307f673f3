// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import OneDNN

/// The data and the network of one member of a ``Perceptron``. Used by one thread.
final class PerceptronSession {
    private let inputs: PrincipalCoordinates
    private let outputs: PrincipalCoordinates
    private let fitting: [Int]
    private let heldBack: [Int]
    private let options: Perceptron.Options
    private let network: PerceptronNetwork
    /// The scale of each coordinate of the input.
    private let inputScales: [Double]
    private let outputScale: Double
    private var known: [Int: [Float]] = [:]

    init(
        inputs: PrincipalCoordinates, outputs: PrincipalCoordinates, fitting: [Int], heldBack: [Int], seed: UInt64,
        options: Perceptron.Options
    ) throws(OneDNNError) {
        self.inputs = inputs
        self.outputs = outputs
        self.fitting = fitting
        self.heldBack = heldBack
        self.options = options
        network = try PerceptronNetwork(
            batch: options.batch, inputs: inputs.variances.count, outputs: outputs.variances.count, seed: seed)
        // Halfway, in logarithms, between the features' own scales and equal ones: with equal scales the many small
        // coordinates are learned by heart, with their own only the largest are seen. Mean square 1.
        let roots = inputs.variances.map { $0.squareRoot() }
        let mean = Statistics.mean(roots)
        inputScales = roots.map { 1 / ($0 * mean).squareRoot() }
        outputScale = Statistics.mean(outputs.variances).squareRoot()
    }

    func train(_ generator: inout SeededGenerator, isCancelled: () -> Bool) throws(OneDNNError) {
        let truth = (fitting + heldBack).reduce(into: [Int: [Float]]()) { truth, image in
            truth[image] = outputs.coordinates(of: image).map { Float($0 / outputScale) }
        }
        let work = 3 * fitting.count * network.parameters.reduce(0) { $0 + $1.count }
        let limit = min(max(options.multiplyAdds / max(1, work), options.epochs.lowerBound), options.epochs.upperBound)
        let batches = max(1, fitting.count / options.batch)
        let width = outputs.variances.count
        var dropout: SeededGenerator? = SeededGenerator(seed: generator.next())
        var best = (error: try error(truth), parameters: network.parameters)
        var (step, bestEpoch) = (0, 0)
        for epoch in 1...limit {
            let order = generator.permutation(of: fitting.count)
            for batch in 0..<batches {
                if isCancelled() { return }
                let images = (0..<options.batch).map { fitting[order[(batch * options.batch + $0) % order.count]] }
                fill(images)
                try network.forward(dropout: &dropout)
                let factor = 2 / Float(images.count * width)
                network.output.withValues { output in
                    network.outputGradient.withValues { gradient in
                        for (position, image) in images.enumerated() {
                            let target = truth[image] ?? []
                            for index in 0..<width {
                                gradient[position * width + index] =
                                    factor * (output[position * width + index] - target[index])
                            }
                        }
                    }
                }
                try network.backward()
                // A short warm-up: Adam's moment estimates are unreliable at first.
                let rise = min(1, Float(step + 1) / 50)
                let fall = 0.5 * (1 + cos(Float.pi * Float(step) / Float(limit * batches)))
                step += 1
                network.update(rate: options.rate * rise * fall, step: step)
            }
            let error = try error(truth)
            if error < best.error {
                best = (error, network.parameters)
                bestEpoch = epoch
            } else if epoch - bestEpoch >= options.patience {
                break
            }
        }
        network.parameters = best.parameters
    }

    /// Coordinates of the targets.
    func predictions(of images: [Int]) throws(OneDNNError) -> [[Double]] {
        try outputs(of: images).map { $0.map { Double($0) * outputScale } }
    }

    /// The squared error on the held-back images; infinite if it is not a finite number.
    private func error(_ truth: [Int: [Float]]) throws(OneDNNError) -> Double {
        var error = 0.0
        for (image, output) in zip(heldBack, try outputs(of: heldBack)) {
            for (a, b) in zip(output, truth[image] ?? []) { error += Double((a - b) * (a - b)) }
        }
        return error.isFinite ? error : .infinity
    }

    private func outputs(of images: [Int]) throws(OneDNNError) -> [[Float]] {
        var (result, none): ([[Float]], SeededGenerator?) = ([], nil)
        let width = outputs.variances.count
        for start in stride(from: 0, to: images.count, by: options.batch) {
            let part = Array(images[start..<min(images.count, start + options.batch)])
            // The last batch is filled by repetition.
            fill((0..<options.batch).map { part[$0 % part.count] })
            try network.forward(dropout: &none)
            network.output.withValues { output in
                for position in part.indices { result.append(Array(output[position * width..<(position + 1) * width])) }
            }
        }
        return result
    }

    private func fill(_ images: [Int]) {
        network.input.withValues { input in
            for (position, image) in images.enumerated() {
                let values = scaled(image)
                for index in values.indices { input[position * values.count + index] = values[index] }
            }
        }
    }

    private func scaled(_ image: Int) -> [Float] {
        if let values = known[image] { return values }
        let values = zip(inputs.coordinates(of: image), inputScales).map { Float($0 * $1) }
        known[image] = values
        return values
    }
}
