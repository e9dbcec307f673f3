import Inference
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// The first layers, compiled: from a client's tensor to what crosses the boundary and what stays.
struct FrontNet: ~Copyable {
    private let plan: Plan
    private let normalization: PixelNormalization
    private let boundaryCount: Int
    /// The graph's outputs, in its order.
    let outputs: [Value]
    /// The tensors that a client may send: the network's own input, and the same shape in 8-bit pixels.
    let inputTypes: [TensorType]

    /// What goes to the host.
    var boundary: ArraySlice<Value> { outputs.prefix(boundaryCount) }

    /// - Throws: ``EnclaveRefusal`` (frontNetRefused) when the part cannot be run.
    init(_ part: FrontNetPart, threads: Int) throws(EnclaveRefusal) {
        let shape = part.graph.inputs[0].type.shape
        guard part.graph.inputs[0].type.element == .float32 else { throw EnclaveRefusal(.frontNetRefused) }
        do throws(InferenceError) {
            plan = try Plan(compiling: part.graph, options: PlanOptions(threads: threads, allocator: .wiping))
        } catch { throw EnclaveRefusal(.frontNetRefused) }
        normalization = part.normalization
        boundaryCount = part.boundaryCount
        outputs = part.graph.outputs.map { Value(name: $0, type: part.graph.type(of: $0)) }
        inputTypes = [TensorType(.float32, shape), TensorType(.uint8, shape)]
    }

    /// - Parameter input: Of one of ``inputTypes``.
    /// - Returns: One tensor for each of ``outputs``.
    /// - Throws: ``AnswerRefusal``: `wrongTensorType` for an input that is not finite, `failed`.
    func run(_ input: Tensor) throws(AnswerRefusal) -> [Tensor] {
        guard input.isFinite else { throw AnswerRefusal(.wrongTensorType) }
        let results: [Tensor]
        do throws(InferenceError) {
            results = try plan.run([input.normalized(by: normalization, allocator: .wiping)])
        } catch { throw AnswerRefusal(.failed) }
        guard results.allSatisfy(\.isFinite) else { throw AnswerRefusal(.failed) }
        return results
    }
}
