// SPDX-License-Identifier: Apache-2.0
internal import Differentiation
internal import Glibc
internal import Inference
package import ModelGraph
package import Tensors

/// Reconstructs an image from the boundary tensors of a cut, for an adversary who holds the FrontNet: Adam on the
/// pixels until the FrontNet's output matches, with a smoothness prior.
///
/// min over x of ‖f(x) - e‖² / ‖f(m) - e‖² + λ TV(x), starting from the mean image m. Used by one thread.
///
/// - Source: Mahendran and Vedaldi 2015; He, Zhang and Lee 2019 (rMLE); Kingma and Ba 2015 (Adam).
package final class WhiteBoxAttack {
    package struct Outcome: Sendable {
        /// The reconstructed picture, at the size of the network's input.
        package let picture: Picture
        /// ‖f(x) - e‖² / ‖f(m) - e‖² at the end.
        package let residual: Double
    }

    private let plan: Plan
    private let form: Preprocessing
    private let options: WhiteBoxOptions

    /// - Throws: ``AssessmentError`` `.unsupportedModel` naming a node that has no derivative.
    package init(
        _ network: AssessmentConfiguration.Network, cut: Cut, options: WhiteBoxOptions, threads: Int = 1
    ) throws(AssessmentError) {
        let gradient: Graph
        do throws(DifferentiationError) {
            gradient = try GraphDerivative.distanceGradient(of: network.graph, at: cut.crossing)
        } catch { throw AssessmentError(.unsupportedModel, "\(network.name): \(error.message)") }
        plan = try EngineBridge.compile(gradient, name: network.name, threads: threads)
        form = network.preprocessing
        self.options = options
    }

    /// - Parameters:
    ///   - crossing: The boundary tensors, in the cut's order.
    ///   - start: An image of the size of the network's input.
    package func reconstruct(
        from crossing: [Tensor], start: Picture, cancellation: CancellationFlag
    ) throws(AssessmentError) -> Outcome {
        var values = start.values
        var (first, second) = ([Float](repeating: 0, count: values.count), [Float](repeating: 0, count: values.count))
        var (scale, distance) = (0.0, 0.0)
        for step in 1...max(1, options.steps) {
            try cancellation.check()
            let outputs = try EngineBridge.run(plan, [try input(of: values)] + crossing)
            distance = outputs[0].withElements(as: Float.self) { Double($0[0]) }
            guard distance.isFinite else {
                throw AssessmentError(.notFinite, "the distance of the boundary tensors is \(distance) in step \(step)")
            }
            if step == 1 { scale = distance }
            guard distance > 0, scale > 0 else { break }
            var gradient = self.gradient(outputs[1], scale: Float(1 / scale))
            addVariation(of: values, to: &gradient)
            let rate = Float(
                options.rate * (1 + cos(.pi * Double(step - 1) / Double(options.steps))) / 2)
            let corrections = (Float(1 - pow(0.9, Double(step))), Float(1 - pow(0.999, Double(step))))
            for index in values.indices {
                first[index] = 0.9 * first[index] + 0.1 * gradient[index]
                second[index] = 0.999 * second[index] + 0.001 * gradient[index] * gradient[index]
                let move = first[index] / corrections.0 / ((second[index] / corrections.1).squareRoot() + 1e-10)
                values[index] = min(max(values[index] - rate * move, 0), 1)
            }
        }
        return Outcome(
            picture: Picture(height: start.height, width: start.width, channels: start.channels, values: values),
            residual: scale > 0 ? distance / scale : 0)
    }

    /// Converts interleaved pixels in [0, 1] to the network's input: planes, normalised.
    private func input(of values: [Float]) throws(AssessmentError) -> Tensor {
        let channels = form.normalization.std.count
        let area = form.height * form.width
        var planes = [Float](repeating: 0, count: values.count)
        for channel in 0..<channels {
            let source = sourceChannel(channel)
            let (mean, std) = (form.normalization.mean[channel], form.normalization.std[channel])
            for pixel in 0..<area {
                planes[channel * area + pixel] = (255 * values[pixel * channels + source] - mean) / std
            }
        }
        do throws(TensorError) { return try Tensor(planes, shape: [1, channels, form.height, form.width]) } catch {
            throw AssessmentError(.shapeMismatch, error.message)
        }
    }

    private func gradient(_ planes: Tensor, scale: Float) -> [Float] {
        let channels = form.normalization.std.count
        let area = form.height * form.width
        var gradient = [Float](repeating: 0, count: channels * area)
        planes.withElements(as: Float.self) { planes in
            for channel in 0..<channels {
                let (source, gain) = (sourceChannel(channel), scale * 255 / form.normalization.std[channel])
                for pixel in 0..<area {
                    gradient[pixel * channels + source] = gain * planes[channel * area + pixel]
                }
            }
        }
        return gradient
    }

    /// The index of the network's channel in a pixel: the network's order may be blue first.
    private func sourceChannel(_ channel: Int) -> Int {
        form.channels == .bgr ? form.normalization.std.count - 1 - channel : channel
    }

    /// The gradient of the mean over pixels of sqrt(dx² + dy² + 1e-6).
    private func addVariation(of values: [Float], to gradient: inout [Float]) {
        let (height, width, channels) = (form.height, form.width, form.normalization.std.count)
        let weight = Float(options.smoothness) / Float(values.count)
        for row in 0..<height - 1 {
            for column in 0..<width - 1 {
                for channel in 0..<channels {
                    let index = (row * width + column) * channels + channel
                    let (right, below) = (index + channels, index + width * channels)
                    let (dx, dy) = (values[right] - values[index], values[below] - values[index])
                    let share = weight / (dx * dx + dy * dy + 1e-6).squareRoot()
                    gradient[index] -= share * (dx + dy)
                    gradient[right] += share * dx
                    gradient[below] += share * dy
                }
            }
        }
    }
}
