// SPDX-License-Identifier: Apache-2.0
import Differentiation
import Inference
import ModelGraph
import ONNXImport
import Tensors
import TestSupport
import Testing

/// Whole trained networks.
@Suite(.enabled(if: SharedFiles.isPresent, "\(SharedFiles.absence)"))
struct NetworkDerivativeTests {
    @Test(
        "Adjoint and tangent of a trained network agree to 1e-3 of their norms at some cuts and at the output",
        arguments: ["squeezenet-1.1", "mobilenet-v2-1.0", "resnet20-cifar10"])
    func transposes(_ model: String) throws {
        let graph = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx")).graph
        let cuts = graph.assessableCuts.enumerated().filter { $0.offset % 6 == 3 }.flatMap(\.element.crossing)
        let values = cuts + graph.outputs
        var noise = Noise(seed: 5)
        let x = try noise.tensor(graph.inputs[0].type.shape.dimensions)
        let v = try noise.tensor(graph.inputs[0].type.shape.dimensions)
        let tangents = try Plan(compiling: GraphDerivative.tangent(of: graph, at: values)).run([x, v])
        for (value, tangent) in zip(values, tangents) {
            let u = try noise.tensor(tangent.shape.dimensions)
            let gradient = try Plan(compiling: GraphDerivative.adjoint(of: graph, at: [value])).run([x, u])[0]
            let (forward, reverse) = (try dot(u, tangent), try dot(gradient, v))
            let scale = try norm(u) * norm(tangent)
            #expect(try norm(tangent) > 0, "\(value)")
            #expect(abs(forward - reverse) <= 1e-3 * scale, "\(value): \(forward) and \(reverse)")
        }
    }
}
