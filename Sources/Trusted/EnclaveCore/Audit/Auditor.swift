// SPDX-License-Identifier: Apache-2.0
import SealedChannel

/// The outcome of recomputing a result of the host.
enum AuditVerdict: Sendable {
    case right
    case wrong
}

/// Chooses which results of the host are recomputed, and counts the outcomes. Only the frame thread uses it. It
/// outlives leases, since it counts per process.
final class Auditor {
    let reference: BackNetReference
    private(set) var statistics = AuditStatistics()
    /// `nil` while the owner demands no audit.
    private(set) var terms: AuditTerms?

    init(_ reference: BackNetReference) { self.reference = reference }

    /// Adopts the terms of a later message. Wrong results of the process still count: a renewal does not restore trust in
    /// the host, a higher limit does.
    func begin(_ terms: AuditTerms?) { self.terms = terms }

    /// Whether the host is still asked: it has given fewer wrong results in this process than the owner's limit.
    var asksHost: Bool { terms.map { statistics.mismatches < UInt64($0.mismatches) } ?? true }

    /// Whether to recompute the result of a request that is sent now. The decision is not visible outside.
    func draws() -> Bool {
        guard let terms else { return false }
        return !asksHost || UInt32.random(in: 0..<AuditTerms.unit) < terms.share
    }

    func countResult() { statistics.results += 1 }
    func countWithoutHost() { statistics.withoutHost += 1 }

    func count(_ verdict: AuditVerdict) {
        statistics.audited += 1
        if verdict == .wrong { statistics.mismatches += 1 }
    }
}

extension ResponseSealer {
    /// Sealed to the owner; empty if sealing fails, which the owner's side treats as an error.
    func sealed(_ statistics: AuditStatistics) -> [UInt8] {
        let bytes = statistics.encoded()
        return (try? seal(bytes.span.bytes)) ?? []
    }
}
