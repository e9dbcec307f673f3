// SPDX-License-Identifier: Apache-2.0
package import OneDNN

/// Two fully connected layers with ReLU and dropout of a half, and a linear layer, which is initially zero. Used by one
/// thread.
package final class PerceptronNetwork {
    package static let width = 128

    /// `[batch, inputs]`: to be filled before ``forward(dropout:)``.
    package let input: TrainingBuffer
    /// `[batch, outputs]`.
    package let output: TrainingBuffer
    package let outputGradient: TrainingBuffer
    private let layers: [ConvolutionLayer]

    package init(batch: Int, inputs: Int, width: Int = width, outputs: Int, seed: UInt64) throws(OneDNNError) {
        var generator = SeededGenerator(seed: seed, purpose: "perceptron")
        let stream = try ExecutionStream()
        input = try TrainingBuffer(try TensorLayout.channelsLast([batch, inputs, 1, 1]))
        var (current, gradient): (TrainingBuffer, TrainingBuffer?) = (input, nil)
        var layers: [ConvolutionLayer] = []
        for width in [width, width, outputs] {
            let layer = try ConvolutionLayer(
                from: current, sourceGradient: gradient, outputs: width, kernel: 1, isZero: layers.count == 2,
                stream: stream, generator: &generator)
            layers.append(layer)
            (current, gradient) = (layer.destination, layer.destinationGradient)
        }
        self.layers = layers
        (output, outputGradient) = (layers[2].destination, layers[2].destinationGradient)
    }

    /// - Parameter dropout: For training; `nil` to predict.
    package func forward(dropout: inout SeededGenerator?) throws(OneDNNError) {
        for (index, layer) in layers.enumerated() {
            try layer.forward()
            if index < layers.count - 1 { ActivationLoops.rectify(layer.destination, dropout: &dropout) }
        }
    }

    /// Computes the gradients of all parameters from ``outputGradient``, after ``forward(dropout:)`` with dropout.
    package func backward() throws(OneDNNError) {
        for (index, layer) in layers.enumerated().reversed() {
            if index < layers.count - 1 {
                ActivationLoops.rectifyGradient(layer.destinationGradient, result: layer.destination)
            }
            try layer.backward()
        }
    }

    /// One step of Adam.
    ///
    /// - Parameter step: From 1 on.
    package func update(rate: Float, step: Int) { for layer in layers { layer.update(rate: rate, step: step) } }

    /// One list per layer: weights `[outputs, inputs]`, then biases.
    package var parameters: [[Float]] {
        get { layers.map(\.parameters) }
        set { for (layer, values) in zip(layers, newValue) { layer.restore(values) } }
    }
}
