import SealedChannel
import SecretMemory
import Synchronization
import Tensors

/// What is to be computed for one request. It holds the request's own tensors and nothing of the enclave's state, so any
/// thread may run it, once; ``Enclave/finish(_:)`` takes what comes of it.
package struct Computation: Sendable {
    enum Stage: Sendable {
        /// The client's tensor.
        case frontNet(Tensor)
        /// What the host says that the BackNet made, and what the FrontNet left inside.
        case mappingUnit([Tensor], retained: [String: Tensor])

        var isFirst: Bool { if case .frontNet = self { true } else { false } }
    }

    let requestID: UInt64
    let ticket: Ticket
    let sealer: ResponseSealer
    let classifier: Classifier
    let stage: Stage

    /// - Parameter worker: Which copy of the plans to use, from 0; no other computation may use it at the same time.
    package func run(worker: Int) -> Computed {
        do throws(AnswerRefusal) {
            // Nobody waits for it any more, and the model may be about to be wiped.
            guard !ticket.isOver else { throw AnswerRefusal(.failed) }
            switch stage {
            case .frontNet(let tensor):
                switch try classifier.start(tensor, worker: worker) {
                case .answered(let response): return computed(.answer(try seal(response.bytes)))
                case .boundary(let tensors, let retained):
                    return computed(.boundary(tensors, retained: retained))
                }
            case .mappingUnit(let tensors, let retained):
                let response = try classifier.answer(backNet: tensors, retained: retained, worker: worker)
                return computed(.answer(try seal(response.bytes)))
            }
        } catch { return computed(.refusal(error.status)) }
    }

    private func computed(_ outcome: Computed.Outcome) -> Computed {
        Computed(requestID: requestID, ticket: ticket, outcome: outcome)
    }

    private func seal(_ response: RawSpan) throws(AnswerRefusal) -> [UInt8] {
        do throws(SealedChannelError) { return try sealer.seal(response) } catch { throw AnswerRefusal(.failed) }
    }
}

/// What came of a ``Computation``.
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
}

/// Tells the computations of one identifier from each other, and says when nobody waits for one any more.
final class Ticket: Sendable {
    /// Whether it is of a request's first computation, the FrontNet's.
    let isFirst: Bool
    private let over = Atomic(false)

    init(isFirst: Bool) { self.isFirst = isFirst }

    var isOver: Bool { over.load(ordering: .acquiring) }
    func end() { over.store(true, ordering: .releasing) }
}
