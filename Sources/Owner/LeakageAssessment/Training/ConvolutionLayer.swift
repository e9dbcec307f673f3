// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import OneDNN

/// A trainable convolution that preserves the extents, with the state of its optimiser. Activations are channels-last.
///
/// - Source: Adam, Kingma and Ba 2015; initial weights, He et al. 2015.
final class ConvolutionLayer {
    let destination: TrainingBuffer
    let destinationGradient: TrainingBuffer
    /// `[outputs, inputs, kernel, kernel]` and `[outputs]`, one after the other.
    private(set) var parameters: [Float]

    private let stream: ExecutionStream
    private let weights: TrainingBuffer
    private let bias: TrainingBuffer
    private let weightsGradient: TrainingBuffer
    private let biasGradient: TrainingBuffer
    private let forwardSteps: [Invocation]
    private let backwardSteps: [Invocation]
    private var firstMoment: [Float]
    private var secondMoment: [Float]

    /// - Parameters:
    ///   - source: `[batch, inputs, height, width]`.
    ///   - sourceGradient: Of the same layout; `nil` if it is not needed.
    ///   - kernel: Odd. 1 on extents of 1x1 is a fully connected layer.
    ///   - isZero: Start with weights of 0 instead of random ones.
    init(
        from source: TrainingBuffer, sourceGradient: TrainingBuffer?, outputs: Int, kernel: Int, isZero: Bool,
        stream: ExecutionStream, generator: inout SeededGenerator
    ) throws(OneDNNError) {
        let extents = source.layout.dimensions
        let shape = [outputs, extents[1], kernel, kernel]
        let result = try TensorLayout.channelsLast([extents[0], outputs, extents[2], extents[3]])
        self.stream = stream
        destination = try TrainingBuffer(result)
        destinationGradient = try TrainingBuffer(result)
        let plain = try TensorLayout(shape)
        weights = try TrainingBuffer(plain)
        weightsGradient = try TrainingBuffer(plain)
        bias = try TrainingBuffer(try TensorLayout([outputs]))
        biasGradient = try TrainingBuffer(bias.layout)

        let problem = try ConvolutionTraining(
            source: source.layout, weights: try TensorLayout.any(shape), bias: bias.layout, destination: result,
            pad: kernel / 2)
        let ownWeights = try TrainingBuffer(problem.forward.layout(of: .weights))
        let scratch = try TrainingBuffer(problem.forward.scratchpad)
        forwardSteps = [
            try Self.copy(weights, to: ownWeights),
            try Invocation(
                problem.forward,
                [
                    (.source, source.memory), (.weights, ownWeights.memory), (.bias, bias.memory),
                    (.destination, destination.memory), (.scratchpad, scratch.memory),
                ]),
        ]
        let ownGradient = try TrainingBuffer(problem.weightsGradient.layout(of: .weightsGradient))
        let gradientScratch = try TrainingBuffer(problem.weightsGradient.scratchpad)
        var steps = [
            try Invocation(
                problem.weightsGradient,
                [
                    (.source, source.memory), (.destinationGradient, destinationGradient.memory),
                    (.weightsGradient, ownGradient.memory), (.biasGradient, biasGradient.memory),
                    (.scratchpad, gradientScratch.memory),
                ]),
            try Self.copy(ownGradient, to: weightsGradient),
        ]
        if let sourceGradient {
            let dataWeights = try TrainingBuffer(problem.sourceGradient.layout(of: .weights))
            let dataScratch = try TrainingBuffer(problem.sourceGradient.scratchpad)
            steps += [
                try Self.copy(weights, to: dataWeights),
                try Invocation(
                    problem.sourceGradient,
                    [
                        (.destinationGradient, destinationGradient.memory), (.weights, dataWeights.memory),
                        (.sourceGradient, sourceGradient.memory), (.scratchpad, dataScratch.memory),
                    ]),
            ]
        }
        backwardSteps = steps
        let count = shape.reduce(1, *)
        let deviation = isZero ? 0 : sqrt(2 / Double(count / outputs))
        parameters = (0..<count).map { _ in Float(generator.normal() * deviation) }
        parameters += [Float](repeating: 0, count: outputs)
        firstMoment = [Float](repeating: 0, count: parameters.count)
        secondMoment = firstMoment
        store()
    }

    private static func copy(_ source: TrainingBuffer, to target: TrainingBuffer) throws(OneDNNError) -> Invocation {
        try Invocation(
            PrimitiveDescription.reorder(from: source.layout, to: target.layout),
            [(.source, source.memory), (.destination, target.memory)])
    }

    func forward() throws(OneDNNError) { for step in forwardSteps { try step.execute(on: stream) } }

    /// Computes the gradients of the parameters from ``destinationGradient``, and that of the source if it is needed.
    func backward() throws(OneDNNError) { for step in backwardSteps { try step.execute(on: stream) } }

    /// One step of Adam.
    ///
    /// - Parameter step: From 1 on.
    func update(rate: Float, step: Int) {
        let (decay, squareDecay, epsilon) = (Float(0.9), Float(0.999), Float(1e-8))
        let (correction, squareCorrection) = (1 - pow(decay, Float(step)), 1 - pow(squareDecay, Float(step)))
        // Each array is borrowed once: every access to a property of a class is checked at run time.
        func apply(_ gradient: UnsafeMutableBufferPointer<Float>, from start: Int) {
            firstMoment.withUnsafeMutableBufferPointer { first in
                secondMoment.withUnsafeMutableBufferPointer { second in
                    parameters.withUnsafeMutableBufferPointer { parameters in
                        for index in gradient.indices {
                            let (position, value) = (start + index, gradient[index])
                            first[position] = decay * first[position] + (1 - decay) * value
                            second[position] = squareDecay * second[position] + (1 - squareDecay) * value * value
                            parameters[position] -=
                                rate * (first[position] / correction)
                                / ((second[position] / squareCorrection).squareRoot() + epsilon)
                        }
                    }
                }
            }
        }
        weightsGradient.withValues { apply($0, from: 0) }
        biasGradient.withValues { [count = parameters.count] in apply($0, from: count - $0.count) }
        store()
    }

    /// Sets parameters in the order of ``parameters``.
    func restore(_ parameters: [Float]) {
        precondition(parameters.count == self.parameters.count)
        self.parameters = parameters
        store()
    }

    /// The gradients of ``parameters`` after ``backward()``, in their order.
    var gradients: [Float] { weightsGradient.withValues { Array($0) } + biasGradient.withValues { Array($0) } }

    private func store() {
        let parameters = parameters
        let count = weights.withValues { weights in
            for index in weights.indices { weights[index] = parameters[index] }
            return weights.count
        }
        bias.withValues { bias in for index in bias.indices { bias[index] = parameters[count + index] } }
    }
}
