import SealedChannel

/// What came of computing a result of the host again.
enum AuditVerdict: Sendable {
    case right
    case wrong
}

/// Which results of the host are computed again, and what was found. The frame thread's own; it outlives leases, as its
/// counts are of the process.
final class Auditor {
    let reference: BackNetReference
    private(set) var statistics = AuditStatistics()
    /// `nil` while the owner demands no audit.
    private(set) var terms: AuditTerms?
    /// Wrong results under the present terms.
    private var wrong: UInt32 = 0

    init(_ reference: BackNetReference) { self.reference = reference }

    /// Takes the terms of a later message: the host may show itself again.
    func begin(_ terms: AuditTerms?) {
        self.terms = terms
        wrong = 0
    }

    /// Whether the host has not given as many wrong results as the owner allows.
    var asksHost: Bool { terms.map { wrong < $0.mismatches } ?? true }

    /// Whether the result of a request that leaves now is to be computed again. Nobody outside can tell.
    func draws() -> Bool {
        guard let terms else { return false }
        return !asksHost || UInt32.random(in: 0..<AuditTerms.unit) < terms.share
    }

    func countResult() { statistics.results += 1 }
    func countWithoutHost() { statistics.withoutHost += 1 }

    func count(_ verdict: AuditVerdict) {
        statistics.audited += 1
        guard verdict == .wrong else { return }
        statistics.mismatches += 1
        wrong += 1
    }
}

extension ResponseSealer {
    /// For the owner; empty if it cannot be sealed, which the owner's side takes for a failure.
    func sealed(_ statistics: AuditStatistics) -> [UInt8] {
        let bytes = statistics.encoded()
        return (try? seal(bytes.span.bytes)) ?? []
    }
}
