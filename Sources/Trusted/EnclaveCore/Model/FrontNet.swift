// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// The compiled first layers. From a client's tensor they compute the boundary tensors and those that stay inside.
struct FrontNet: ~Copyable, Sendable {
    private let plans: WorkerPlans
    private let normalization: PixelNormalization
    private let boundaryCount: Int
    private let noise: BoundaryNoise?
    /// The graph's outputs, in its order.
    let outputs: [Value]
    /// The tensors that a client may send: pixels as decoders give them, `[1, H, W, C]`, and, where the owner allows it, the
    /// network's own input.
    let inputTypes: [TensorType]
    /// Whether the network's own input is among them.
    let acceptsFloats: Bool
    /// The network's own input, `[1, C, H, W]`.
    let inputShape: Shape
    /// The standard deviation of the noise on the boundary tensors.
    var sigma: NoiseDeviation? { noise?.sigma }

    /// The boundary tensors, which go to the host.
    var boundary: ArraySlice<Value> { outputs.prefix(boundaryCount) }

    /// - Parameters:
    ///   - part: Its weights are released as they are converted.
    ///   - noiseKey: Used if the part asks for noise.
    /// - Throws: ``EnclaveRefusal`` (frontNetRefused) when the part cannot be run.
    init(_ part: consuming FrontNetPart, noiseKey: NoiseKey, workers: InferenceWorkers) throws(EnclaveRefusal) {
        let shape = part.graph.inputs[0].type.shape
        guard part.graph.inputs[0].type.element == .float32,
            let pixels = try? Shape([1, shape[2], shape[3], shape[1]])
        else { throw EnclaveRefusal(.frontNetRefused) }
        let (normalization, boundaryCount, sigma) = (part.normalization, part.boundaryCount, part.sigma)
        let acceptsFloats = part.acceptsFloats
        var options = PlanOptions(precision: Precision(part.precision), allocator: .wiping)
        options.extraMemory = .enclave
        do throws(InferenceError) {
            plans = try WorkerPlans(compiling: (consume part).graph, options: options, workers: workers)
        } catch { throw EnclaveRefusal(.frontNetRefused) }
        self.normalization = normalization
        self.boundaryCount = boundaryCount
        noise = sigma.map { BoundaryNoise(sigma: $0, key: noiseKey) }
        outputs = plans.outputs
        inputShape = shape
        self.acceptsFloats = acceptsFloats
        inputTypes =
            (acceptsFloats || !Defence.pixelsOnly.isInPlace ? [TensorType(.float32, shape)] : []) + [
                TensorType(.uint8, pixels)
            ]
    }

    /// - Parameter input: Of one of ``inputTypes``.
    /// - Returns: One tensor for each of ``outputs``; and those of them that go to the host, with noise.
    /// - Throws: ``AnswerRefusal``: `wrongTensorType` for an input that is not finite, `failed`.
    func run(_ input: Tensor, worker: Int) throws(AnswerRefusal) -> (results: [Tensor], boundary: [Tensor]) {
        guard input.isFinite else { throw AnswerRefusal(.wrongTensorType) }
        let tensor: Tensor
        let results: [Tensor]
        do {
            tensor = input.element == .uint8 ? try normalization.normalized(input, allocator: .wiping) : input
            results = try plans.run([tensor], worker: worker)
        } catch { throw AnswerRefusal(.failed) }
        guard results.allSatisfy(\.isFinite) else { throw AnswerRefusal(.failed) }
        let clean = Array(results.prefix(boundaryCount))
        guard let noise else { return (results, clean) }
        // It stays finite: the largest noise is far below half a unit in the last place of what could overflow.
        return (results, noise.added(to: clean, input: tensor))
    }
}
