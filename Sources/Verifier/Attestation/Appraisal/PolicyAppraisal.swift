import Evidence

/// The checks of a policy on what verified evidence says. All are made, so that a verdict names every difference.
struct PolicyAppraisal {
    let policy: Policy
    /// Whether the verdict is about a peer that will be talked to; then what the policy leaves open is refused.
    let isForPeer: Bool

    func check(_ claims: Claims, _ log: inout CheckLog) {
        measurements(claims, &log)
    }

    private func measurements(_ claims: Claims, _ log: inout CheckLog) {
        switch policy.measurements {
        case .require(let pinned):
            for (name, accepted) in pinned.sorted(by: { $0.key < $1.key }) {
                let value = claims.measurements.first { $0.name == name }?.value
                log.note(
                    .measurements, value.map(accepted.contains) ?? false, otherwise: .measurementMismatch,
                    found: "\(name) \(value?.hex ?? "missing")",
                    expected: accepted.map(\.hex).sorted().joined(separator: " or "))
            }
        case .skip(let reason): log.skip(.measurements, reason)
        case .unstated where isForPeer:
            log.note(.measurements, false, otherwise: .measurementNotPinned, expected: "'measurements' in the policy")
        case .unstated: log.skip(.measurements, "the policy names no measurements")
        }
    }
}
