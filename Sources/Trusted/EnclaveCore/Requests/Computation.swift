// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Synchronization
import Tensors

/// A computation for one request. It holds the request's own tensors and nothing of the enclave's state, so any thread
/// may run it, once. ``Enclave/finish(_:)`` takes its result.
package struct Computation: Sendable {
    enum Stage: Sendable {
        /// The client's tensor.
        case frontNet(Tensor)
        /// The BackNet results that the host returned, and the tensors that the FrontNet retained.
        case mappingUnit([Tensor], retained: [String: Tensor])
        /// The same, with the BackNet recomputed from the tensors that the host received.
        case audit([Tensor], retained: [String: Tensor], boundary: [Tensor], tolerance: UInt32)

        var isFirst: Bool { if case .frontNet = self { true } else { false } }
    }

    let requestID: UInt64
    let ticket: Ticket
    let sealer: ResponseSealer
    let classifier: Classifier
    let stage: Stage
    /// Computes the BackNet for an audit, and for a request for which the host is not asked.
    let reference: BackNetReference?

    /// - Parameter worker: Which copy of the plans to use, from 0; no other computation may use it at the same time.
    package func run(worker: Int) -> Computed {
        do throws(AnswerRefusal) {
            // The request was abandoned, and the model may be about to be wiped.
            guard !ticket.isOver else { throw AnswerRefusal(.failed) }
            switch stage {
            case .frontNet(let tensor):
                switch try classifier.start(tensor, worker: worker) {
                case .answered(let response): return computed(.answer(try seal(response.bytes)))
                case .boundary(let tensors, let retained):
                    guard let reference else { return computed(.boundary(tensors, retained: retained)) }
                    let results = try reference.run(tensors, worker: worker)
                    return computed(.answer(try answer(results, retained, worker)), isWithoutHost: true)
                }
            case .mappingUnit(let tensors, let retained):
                return computed(.answer(try answer(tensors, retained, worker)))
            case .audit(let tensors, let retained, let boundary, let tolerance):
                guard let reference else { throw AnswerRefusal(.failed) }
                let own = try reference.run(boundary, worker: worker)
                let isRight = BackNetReference.agree(own, tensors, tolerance: tolerance)
                let outcome: Computed.Outcome
                do throws(AnswerRefusal) {
                    outcome = .answer(try answer(isRight ? tensors : own, retained, worker))
                } catch { outcome = .refusal(error.status) }
                return computed(outcome, verdict: isRight ? .right : .wrong)
            }
        } catch { return computed(.refusal(error.status)) }
    }

    private func computed(
        _ outcome: Computed.Outcome, verdict: AuditVerdict? = nil, isWithoutHost: Bool = false
    ) -> Computed {
        Computed(
            requestID: requestID, ticket: ticket, outcome: outcome, verdict: verdict, isWithoutHost: isWithoutHost)
    }

    /// - Returns: The sealed answer.
    private func answer(
        _ backNet: [Tensor], _ retained: [String: Tensor], _ worker: Int
    ) throws(AnswerRefusal) -> [UInt8] {
        let response = try classifier.answer(backNet: backNet, retained: retained, worker: worker)
        return try seal(response.bytes)
    }

    private func seal(_ response: RawSpan) throws(AnswerRefusal) -> [UInt8] {
        do throws(SealedChannelError) { return try sealer.seal(response) } catch { throw AnswerRefusal(.failed) }
    }
}

/// The result of a ``Computation``.
package struct Computed: Sendable {
    enum Outcome: Sendable {
        /// Sealed.
        case answer([UInt8])
        /// These go to the host; the others stay.
        case boundary([Tensor], retained: [String: Tensor])
        case refusal(AnswerStatus)
    }

    let requestID: UInt64
    let ticket: Ticket
    let outcome: Outcome
    /// The verdict on a result that was recomputed.
    let verdict: AuditVerdict?
    /// Whether the BackNet was computed inside because the host is not asked any more.
    let isWithoutHost: Bool
}

/// Identifies a computation, since hosts reuse identifiers, and records whether its request was abandoned.
final class Ticket: Sendable {
    /// Whether it is of a request's first computation, the FrontNet's.
    let isFirst: Bool
    private let over = Atomic(false)

    init(isFirst: Bool) { self.isFirst = isFirst }

    var isOver: Bool { over.load(ordering: .acquiring) }
    func end() { over.store(true, ordering: .releasing) }
}
