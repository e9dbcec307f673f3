// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Jacobian traces and white-box attack")
struct JacobianTests {
    /// One layer whose Jacobian is known: every pixel of every channel times its channel's weight, then the normalisation.
    private static func scaling() throws -> AssessmentConfiguration.Network {
        let weights: [Float] = [2, 0, 0, 0, 3, 0, 0, 0, 0.5]
        let graph = try Graph(
            name: "scaling", inputs: [Value(name: "x", type: TensorType(.float32, Shape([1, 3, 28, 28])))],
            outputs: ["y"],
            nodes: [
                Node(
                    name: "y", operation: .convolution(Convolution(window: Window(kernel: [1, 1]))),
                    inputs: ["x", "w"], outputs: ["y"])
            ],
            constants: ["w": try Tensor(weights, shape: [3, 3, 1, 1])])
        let form = try Preprocessing(
            width: 28, height: 28, channels: .rgb, resize: .stretch, interpolation: .bilinear, mean: [0, 0, 0],
            std: [255, 255, 51])
        return .init(graph: graph, preprocessing: form, name: "scaling", sha256: "")
    }

    @Test("The trace for one known layer equals the sum of its squared weights, exactly, for pixels and blocks")
    func knownJacobian() throws {
        let network = try Self.scaling()
        let cut = network.graph.cuts[0]
        let probe = try JacobianProbe(network, cuts: [cut])
        let x = try Tensor([Float](repeating: 0.5, count: 3 * 28 * 28), shape: [1, 3, 28, 28])
        var generator = SeededGenerator(seed: 1)
        // Pixels in [0, 1] are 255 / std times as far apart when the network sees them: 1, 1 and 5.
        let expected = (4.0 + 9 + 0.25 * 25)
        for _ in 0..<3 {
            #expect(abs(try probe.pixelProbe(at: x, &generator)[0] / (28 * 28) - expected) < 1e-4)
            // Blocks of two by two: a quarter as many directions, each of length 1.
            #expect(abs(try probe.thumbnailProbe(at: x, &generator)[0] / (14 * 14) - expected) < 1e-4)
        }
    }

    @Test("The mean of the probes agrees with the trace by central differences to three standard errors")
    func agreesWithDifferences() throws {
        let network = try TinyNetwork.network()
        let cut = try network.graph.cut(named: "pool1")
        let probe = try JacobianProbe(network, cuts: [cut])
        var generator = SeededGenerator(seed: 2)
        let values = (0..<3 * 16 * 16).map { _ in Float(generator.normal()) }
        let x = try Tensor(values, shape: [1, 3, 16, 16])
        var lengths: [Double] = []
        for _ in 0..<200 { lengths.append(try probe.pixelProbe(at: x, &generator)[0]) }

        let crossing = try CutProbe(network, cuts: [cut])
        let step: Float = 1e-3
        var trace = 0.0
        for index in values.indices {
            func moved(_ by: Float) throws -> [Float] {
                var moved = values
                moved[index] += by
                return try crossing.crossing(of: try Tensor(moved, shape: [1, 3, 16, 16]))[0][0].floats()
            }
            for (above, below) in zip(try moved(step), try moved(-step)) {
                let slope = Double(above - below) / Double(2 * step) * 255 / 64
                trace += slope * slope
            }
        }
        let mean = Statistics.mean(lengths)
        let error = Statistics.deviation(lengths) / Double(lengths.count).squareRoot()
        #expect(abs(mean - trace) < 3 * error + 0.01 * trace, "\(mean) ± \(error), differences \(trace)")
    }

    @Test("The white-box attack recovers a picture from a wide first layer, and little from class scores")
    func attacks() throws {
        let network = try TinyNetwork.network()
        var generator = SeededGenerator(seed: 3)
        // A smooth picture: a light square on a gradient.
        var truth = Picture(height: 16, width: 16, channels: 3, values: [Float](repeating: 0, count: 16 * 16 * 3))
        for index in truth.values.indices {
            let (row, column) = (index / 48, index / 3 % 16)
            let isInside = (4..<11).contains(row) && (5..<12).contains(column)
            truth.values[index] = isInside ? 0.9 : 0.2 + 0.02 * Float(row) + 0.01 * Float(generator.uniform())
        }
        var start = truth
        start.values = truth.values.map { _ in 0.5 }
        let x = try TinyNetwork.preprocessing().tensor(of: truth)
        func recovered(_ name: String) throws -> (rSquared: Double, residual: Double) {
            let cut = try network.graph.cut(named: name)
            let crossing = try CutProbe(network, cuts: [cut]).crossing(of: x)[0]
            var options = WhiteBoxOptions()
            options.steps = 300
            let outcome = try WhiteBoxAttack(network, cut: cut, options: options).reconstruct(
                from: crossing, start: start, cancellation: CancellationFlag())
            let errors = [
                try MeanSquaredError.value(outcome.picture, truth), try MeanSquaredError.value(start, truth),
            ]
            return (1 - errors[0] / errors[1], outcome.residual)
        }
        let shallow = try recovered("conv1")
        #expect(shallow.rSquared > 0.9)
        #expect(shallow.residual < 0.01)
        let deep = try recovered("logits")
        #expect(deep.residual < 0.1)
        #expect(deep.rSquared < shallow.rSquared)
    }
}

extension Preprocessing {
    /// The network's input for a picture of its input size.
    fileprivate func tensor(of picture: Picture) throws -> Tensor {
        let count = picture.channels
        var planes = [Float](repeating: 0, count: picture.values.count)
        for channel in 0..<count {
            for pixel in 0..<picture.height * picture.width {
                planes[channel * picture.height * picture.width + pixel] =
                    (255 * picture.values[pixel * count + channel] - normalization.mean[channel])
                    / normalization.std[channel]
            }
        }
        return try Tensor(planes, shape: [1, count, picture.height, picture.width])
    }
}
