// SPDX-License-Identifier: Apache-2.0
import DarknetImport
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// What each section does, on networks small enough to compute by hand.
struct SectionTests {
    /// Version 0.2.0 and the values.
    static func weights(_ values: [Float], version: [UInt32] = [0, 2, 0, 0, 0]) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in version { withUnsafeBytes(of: word.littleEndian) { bytes += $0 } }
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
        return bytes
    }

    static func model(_ text: String, _ weights: [UInt8]) throws(DarknetImportError) -> DarknetModel {
        let configuration = Array(text.utf8)
        return try DarknetModel(name: "n", configuration: configuration.span.bytes, weights: weights.span.bytes)
    }

    private func run(
        _ width: Int, _ height: Int, _ channels: Int, _ sections: String, _ values: [Float], _ input: [Float],
        version: [UInt32] = [0, 2, 0, 0, 0]
    ) throws -> [Float] {
        let text = "[net]\nwidth=\(width)\nheight=\(height)\nchannels=\(channels)\n\(sections)"
        let graph = try Self.model(text, Self.weights(values, version: version)).graph
        return try ReferenceExecutor(graph).run([Tensor(input, shape: graph.inputs[0].type.shape.dimensions)])[0]
            .floats()
    }

    /// activations.h of the program, at -6, -0.5, 0.5 and 9.
    static let activationCases: [(String, [Float])] = [
        ("linear", [-6, -0.5, 0.5, 9]), ("relu", [0, 0, 0.5, 9]), ("relu6", [0, 0, 0.5, 6]),
        ("leaky", [-0.6, -0.05, 0.5, 9]), ("relie", [-0.06, -0.005, 0.5, 9]), ("ramp", [-0.6, -0.05, 0.55, 9.9]),
        ("hardtan", [-1, -0.5, 0.5, 1]), ("lhtan", [-0.006, -0.0005, 0.5, 1.008]),
        ("plse", [-0.02, 0.4375, 0.5625, 1.05]), ("elu", [-0.9975212, -0.39346934, 0.5, 9]),
        ("selu", [-1.7536641, -0.6917188, 0.52535, 9.4563]),
        ("logistic", [0.0024726232, 0.37754068, 0.62245935, 0.9998766]),
        ("loggy", [-0.99505475, -0.24491866, 0.24491866, 0.9997532]),
        ("tanh", [-0.9999877, -0.46211717, 0.46211717, 0.99999994]),
        ("swish", [-0.014835739, -0.18877034, 0.31122968, 8.9988893]),
        ("hard_mish", [0, -0.375, 0.5, 9]), ("mish", [-0.014854, -0.22075, 0.37524, 8.99999973]),
    ]

    @Test("Activations have Darknet's slopes and bounds", arguments: activationCases)
    func activations(_ name: String, _ expected: [Float]) throws {
        let output = try run(4, 1, 1, "[activation]\nactivation=\(name)\n", [], [-6, -0.5, 0.5, 9])
        for (value, expected) in zip(output, expected) { #expect(abs(value - expected) < 2e-5, "\(output)") }
    }

    @Test("Maximum pooling pads by size - 1 in total, with the smaller half in front")
    func maxpool() throws {
        #expect(try run(3, 1, 1, "[maxpool]\nsize=2\nstride=1\n", [], [3, 1, 2]) == [3, 2, 2])
        #expect(try run(3, 1, 1, "[maxpool]\nsize=3\nstride=1\n", [], [3, 1, 2]) == [3, 3, 2])
        #expect(try run(4, 2, 1, "[maxpool]\nsize=2\nstride=2\npadding=0\n", [], [1, 2, 3, 4, 5, 6, 7, 8]) == [6, 8])
    }

    @Test("Batch normalisation divides by sqrt(variance) + 0.000001")
    func batchnorm() throws {
        let output = try run(1, 1, 2, "[batchnorm]\n", [2, 3, 1, 0.5, 4, 0], [5, 0.5 + 1e-6])
        #expect(abs(output[0] - 4) < 1e-5)
        #expect(abs(output[1] - 3) < 0.2)
    }

    @Test("A shortcut adds the channels that both inputs have, and subsamples a larger input by its stride")
    func shortcut() throws {
        // Layer 0 doubles 2 channels to 3: a, b, a + b.
        let widening = "[convolutional]\nfilters=3\nactivation=linear\n"
        let kernels: [Float] = [0, 0, 0, 1, 0, 0, 1, 1, 1]
        let narrow = "[route]\nlayers=-1\n[convolutional]\nfilters=1\nactivation=linear\n"
        #expect(
            try run(1, 1, 2, widening + narrow + "[shortcut]\nfrom=0\n", kernels + [10, 1, 0, 0], [2, 3]) == [14])
        #expect(
            try run(
                1, 1, 2,
                "[convolutional]\nfilters=1\nactivation=linear\n[route]\nlayers=0\n"
                    + "[convolutional]\nfilters=2\nactivation=linear\n[shortcut]\nfrom=0\nactivation=relu\n",
                [0, 1, 1, 1, -9, 1, 1], [2, 3]) == [11, 0])
        #expect(
            try run(
                4, 2, 1, "[activation]\nactivation=linear\n[maxpool]\nsize=1\nstride=2\n[shortcut]\nfrom=0\n", [],
                [1, 2, 3, 4, 5, 6, 7, 8]) == [2, 6])
    }

    @Test("Scale and product sections multiply an earlier layer's output by this one per channel, position or element")
    func scaled() throws {
        let layers = "[activation]\nactivation=relu\n[avgpool]\n[scale_channels]\nfrom=0\n"
        #expect(try run(2, 1, 2, layers, [], [1, 3, 2, 4]) == [2, 6, 6, 12])
        let places =
            "[activation]\nactivation=relu\n[convolutional]\nfilters=1\nactivation=linear\n"
            + "[scale_channels]\nfrom=-2\nscale_wh=1\nactivation=leaky\n"
        let output = try run(2, 1, 2, places, [0, 1, -1], [1, 3, 2, 4])
        for (value, expected) in zip(output, [-0.1, -0.3, -0.2, -0.4] as [Float]) {
            #expect(abs(value - expected) < 1e-6)
        }
        let elements = "[activation]\nactivation=relu\n[activation]\nactivation=linear\n[sam]\nfrom=-2\n"
        #expect(try run(2, 1, 1, elements, [], [3, 4]) == [9, 16])
        let error = #expect(throws: DarknetImportError.self) {
            try run(2, 1, 1, "[activation]\nactivation=relu\n[avgpool]\n[sam]\nfrom=0\n", [], [1, 2])
        }
        #expect(error?.message.contains("expected [1, 1, 2]") == true)
    }

    @Test("Strides may differ by direction, and average pooling excludes the padding")
    func strides() throws {
        let values: [Float] = [1, 2, 3, 4, 5, 6, 7, 8]
        #expect(try run(4, 2, 1, "[maxpool]\nsize=1\nstride_x=2\n", [], values) == [1, 3, 5, 7])
        #expect(try run(3, 1, 1, "[local_avgpool]\nsize=2\nstride=1\n", [], [2, 4, 8]) == [3, 6, 8])
    }

    @Test("Models of AlexeyAB's fork use its epsilon in batch normalisation")
    func forkedNormalization() throws {
        let values: [Float] = [1, 0, 0]
        let original = try run(1, 1, 1, "[batchnorm]\n", values, [1e-6])
        let forked = try run(1, 1, 1, "[batchnorm]\n", values, [1e-6], version: [0, 2, 5, 0, 0])
        #expect(abs(original[0] - 1) < 1e-3)
        #expect(abs(forked[0] - Float(1e-6 / 1e-5.squareRoot())) < 1e-6)
    }

    @Test("A route concatenates layers, or takes one group of their channels")
    func route() throws {
        let layers = "[activation]\nactivation=relu\n[activation]\nactivation=linear\n"
        #expect(try run(1, 1, 2, layers + "[route]\nlayers=-1,0\n", [], [1, 2]) == [1, 2, 1, 2])
        #expect(try run(1, 1, 2, layers + "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n", [], [1, 2]) == [2])
    }

    @Test("A crop takes the centre and maps 0...1 to -1...1 unless disabled")
    func crop() throws {
        let text = "[crop]\ncrop_width=2\ncrop_height=1\nflip=1\n"
        #expect(try run(4, 1, 1, text, [], [9, 0, 0.75, 9]) == [-1, 0.5])
        #expect(try run(4, 1, 1, text + "noadjust=1\n", [], [9, 0, 0.75, 9]) == [0, 0.75])
    }

    @Test("A softmax in groups sums to 1 in each group")
    func softmax() throws {
        let output = try run(1, 1, 4, "[softmax]\ngroups=2\n", [], [0, 0, 1, 1])
        #expect(output == [0.5, 0.5, 0.5, 0.5])
    }

    @Test("A local layer has separate weights at each position")
    func local() throws {
        let text = "[local]\nfilters=1\nsize=1\nstride=1\nactivation=linear\n"
        #expect(try run(2, 2, 1, text, [0, 0, 0, 5, 1, 2, 3, 4], [1, 1, 2, 2]) == [1, 2, 6, 13])
    }

    @Test("A weights version over 1000 means transposed connected layers and a 32-bit count")
    func transposed() throws {
        let text = "[connected]\noutput=2\nactivation=linear\n"
        let values: [Float] = [0, 0, 1, 2, 3, 4]
        #expect(try run(2, 1, 1, text, values, [1, 10]) == [21, 43])
        #expect(try run(2, 1, 1, text, values, [1, 10], version: [0, 1001, 0, 7]) == [31, 42])
        #expect(try run(2, 1, 1, text, values, [1, 10], version: [0, 1, 0, 7]) == [21, 43])
    }
}
