// SPDX-License-Identifier: Apache-2.0
import Evidence
import Inference
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// The BackNet compiled inside the enclave, to recompute results of the host. Its weights are no secret from the host.
/// Its activations are, of requests for which the host is not asked.
final class BackNetReference: Sendable {
    private let plans: WorkerPlans

    /// - Parameter file: `backnet.graph`, of the digest that the manifest core lists.
    /// - Throws: ``EnclaveRefusal``: `factsMismatch` if its inputs or outputs differ from the boundary's, `partRefused`
    ///   if the graph cannot run.
    init(_ file: [UInt8], facts: ServiceFacts, workers: InferenceWorkers) throws(EnclaveRefusal) {
        let graph: Graph
        do throws(GraphError) { graph = try GraphFile.decode(file.span.bytes) } catch {
            throw EnclaveRefusal(.partRefused)
        }
        guard graph.inputs.map(\.type) == facts.toHost, graph.outputs.map({ graph.type(of: $0) }) == facts.fromHost,
            facts.fromHost.allSatisfy({ $0.element == .float32 })
        else { throw EnclaveRefusal(.factsMismatch) }
        var options = PlanOptions(allocator: .wiping)
        options.weightAllocator = .standard
        options.extraMemory = .enclave
        do throws(InferenceError) {
            plans = try WorkerPlans(compiling: graph, options: options, workers: workers)
        } catch { throw EnclaveRefusal(.partRefused) }
    }

    /// - Parameter boundary: The tensors that the host received.
    /// - Returns: Finite values.
    /// - Throws: ``AnswerRefusal`` (failed).
    func run(_ boundary: [Tensor], worker: Int) throws(AnswerRefusal) -> [Tensor] {
        let results: [Tensor]
        do throws(InferenceError) { results = try plans.run(boundary, worker: worker) } catch {
            throw AnswerRefusal(.failed)
        }
        // A client's values can overflow. Then no result is right, and the host is not to blame.
        guard results.allSatisfy({ $0.withElements(as: Float.self) { $0.allSatisfy(\.isFinite) } }) else {
            throw AnswerRefusal(.failed)
        }
        return results
    }

    /// Whether every value of the host is within the owner's tolerance of the enclave's own value.
    ///
    /// - Parameters:
    ///   - own: All values are finite.
    ///   - tolerance: In ``AuditTerms/unit``s of the largest magnitude in each of `own`.
    static func agree(_ own: [Tensor], _ hosts: [Tensor], tolerance: UInt32) -> Bool {
        guard own.map(\.type) == hosts.map(\.type) else { return false }
        return zip(own, hosts).allSatisfy { own, hosts in
            own.withElements(as: Float.self) { own in
                hosts.withElements(as: Float.self) { hosts in
                    let largest = own.reduce(Float.zero) { max($0, abs($1)) }
                    // A Double, since the product exceeds Float for large values.
                    let limit =
                        Double(max(largest, .leastNormalMagnitude)) * Double(tolerance) / Double(AuditTerms.unit)
                    // NaN is never within the tolerance.
                    return zip(own, hosts).allSatisfy { abs(Double($0) - Double($1)) <= limit }
                }
            }
        }
    }
}
