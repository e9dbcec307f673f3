// SPDX-License-Identifier: Apache-2.0
package import OneDNN

/// A small up-convolutional network from the grid of a cut to pixels: two convolutions with ELU, then nearest
/// upsampling and a convolution for each factor, then three colours. Its output is a correction of another decoder's
/// reconstruction, and is initially zero. Used by one thread.
///
/// - Source: Dosovitskiy and Brox 2016 for the inversion by an up-convolutional network.
package final class InverseNetwork {
    static let kernel = 3
    static let width = 64
    static let upsampledWidth = 32

    private enum Step {
        case convolution(ConvolutionLayer, isActivated: Bool)
        case upsampling(
            source: TrainingBuffer, sourceGradient: TrainingBuffer, TrainingBuffer, gradient: TrainingBuffer)
    }

    /// `[batch, channels, grid…]`, channels last: to be filled before ``forward()``.
    package let input: TrainingBuffer
    /// `[batch, colours, pixels…]`, channels last.
    package let output: TrainingBuffer
    package let outputGradient: TrainingBuffer
    /// Multiply-adds of one forward pass of one image.
    let multiplyAdds: Int
    private var steps: [Step] = []
    private let layers: [ConvolutionLayer]

    /// - Parameters:
    ///   - factors: The vertical and horizontal factor of each upsampling.
    package init(
        batch: Int, channels: Int, grid: (height: Int, width: Int), factors: [(rows: Int, columns: Int)],
        colours: Int, seed: UInt64
    ) throws(OneDNNError) {
        var generator = SeededGenerator(seed: seed, purpose: "inverse network")
        let stream = try ExecutionStream()
        input = try TrainingBuffer(try TensorLayout.channelsLast([batch, channels, grid.height, grid.width]))
        var (current, gradient): (TrainingBuffer, TrainingBuffer?) = (input, nil)
        var (steps, layers, work): ([Step], [ConvolutionLayer], Int) = ([], [], 0)
        func convolve(to outputs: Int, isLast: Bool = false) throws(OneDNNError) {
            let layer = try ConvolutionLayer(
                from: current, sourceGradient: gradient, outputs: outputs, kernel: Self.kernel, isZero: isLast,
                stream: stream, generator: &generator)
            let extents = current.layout.dimensions
            work += Self.kernel * Self.kernel * extents[1] * outputs * extents[2] * extents[3]
            steps.append(.convolution(layer, isActivated: !isLast))
            layers.append(layer)
            (current, gradient) = (layer.destination, layer.destinationGradient)
        }
        try convolve(to: Self.width)
        try convolve(to: factors.isEmpty ? Self.upsampledWidth : Self.width)
        for factor in factors {
            let extents = current.layout.dimensions
            let larger = try TensorLayout.channelsLast(
                [batch, extents[1], extents[2] * factor.rows, extents[3] * factor.columns])
            let (target, targetGradient) = (try TrainingBuffer(larger), try TrainingBuffer(larger))
            if let gradient {
                steps.append(
                    .upsampling(source: current, sourceGradient: gradient, target, gradient: targetGradient))
            }
            (current, gradient) = (target, targetGradient)
            try convolve(to: Self.upsampledWidth)
        }
        try convolve(to: colours, isLast: true)
        self.steps = steps
        self.layers = layers
        multiplyAdds = work
        output = layers[layers.count - 1].destination
        outputGradient = layers[layers.count - 1].destinationGradient
    }

    package func forward() throws(OneDNNError) {
        for step in steps {
            switch step {
            case .convolution(let layer, let isActivated):
                try layer.forward()
                if isActivated { ActivationLoops.elu(layer.destination) }
            case .upsampling(let source, _, let target, _): ActivationLoops.upsample(source, to: target)
            }
        }
    }

    /// Computes the gradients of all parameters from ``outputGradient``.
    package func backward() throws(OneDNNError) {
        for step in steps.reversed() {
            switch step {
            case .convolution(let layer, let isActivated):
                if isActivated { ActivationLoops.eluGradient(layer.destinationGradient, result: layer.destination) }
                try layer.backward()
            case .upsampling(_, let sourceGradient, _, let gradient):
                ActivationLoops.upsampleGradient(gradient, to: sourceGradient)
            }
        }
    }

    func update(rate: Float, step: Int) { for layer in layers { layer.update(rate: rate, step: step) } }

    /// One list per convolution.
    package var parameters: [[Float]] {
        get { layers.map(\.parameters) }
        set { for (layer, values) in zip(layers, newValue) { layer.restore(values) } }
    }

    package var gradients: [[Float]] { layers.map(\.gradients) }
}
