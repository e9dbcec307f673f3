/// What a plan may cost.
package struct Budgets: Sendable, Hashable {
    /// Weights and working memory inside the enclave, of FrontNet and mapping unit together.
    package var enclaveBytes: Int?
    /// Per picture.
    package var latencyMilliseconds: Double?
    /// How much longer the same layers take inside the enclave than on this machine outside. 1 for the development TEE,
    /// which is an ordinary process and runs them with the same engine and threads: its own time beyond theirs (opening,
    /// wiping, sealing) does not depend on the cut. `infenclave bench` measures it on other hardware: the time of
    /// everything inside over the plain one.
    package var enclaveFactor = 1.0

    package init() {}

    /// Time of one picture: the parts inside at their factor, the part outside, and the bytes that cross.
    ///
    /// - Returns: `nil` where the parts were not timed.
    package func latency(of cost: CutCost) -> Double? {
        guard let front = cost.frontMilliseconds, let back = cost.backMilliseconds else { return nil }
        return enclaveFactor * (front + (cost.mappingMilliseconds ?? 0)) + back + (cost.crossingMilliseconds ?? 0)
    }

    /// What of it a plan breaks, for people; `nil` when nothing.
    package func excess(of option: PlanOption) -> String? {
        if let enclaveBytes, option.enclaveBytes > enclaveBytes {
            return
                "needs \(Format.bytes(option.enclaveBytes)) of enclave memory (allowed \(Format.bytes(enclaveBytes)))"
        }
        if let latencyMilliseconds, let latency = option.latencyMilliseconds, latency > latencyMilliseconds {
            return "takes \(Format.number(latency)) ms per picture (allowed \(Format.number(latencyMilliseconds)))"
        }
        return nil
    }
}
