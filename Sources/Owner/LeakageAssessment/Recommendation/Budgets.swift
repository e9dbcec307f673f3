// SPDX-License-Identifier: Apache-2.0
/// Limits of a plan's cost.
package struct Budgets: Sendable, Hashable {
    /// Weights and working memory inside the enclave, of FrontNet and mapping unit together.
    package var enclaveBytes: Int?
    /// Milliseconds per image.
    package var latencyMilliseconds: Double?
    /// How much slower the same layers run inside the enclave than on this machine outside. 1 for the development TEE,
    /// which is an ordinary process with the same engine and threads; its additional time (decryption, wiping,
    /// encryption) does not depend on the cut. On other hardware, `infenclave bench` measures it: the latency of
    /// everything inside over the plain latency.
    package var enclaveFactor = 1.0

    package init() {}

    /// Latency of one image: the parts inside times their factor, the part outside, and the transfer across the
    /// boundary.
    ///
    /// - Returns: `nil` where the parts were not timed.
    package func latency(of cost: CutCost) -> Double? {
        guard let front = cost.frontMilliseconds, let back = cost.backMilliseconds else { return nil }
        return enclaveFactor * (front + (cost.mappingMilliseconds ?? 0)) + back + (cost.crossingMilliseconds ?? 0)
    }

    /// A limit that a plan exceeds.
    package enum Excess: Sendable, Hashable {
        /// Bytes inside the enclave.
        case memory(needed: Int, allowed: Int)
        /// Milliseconds per image.
        case latency(needed: Double, allowed: Double)
    }

    /// The first limit that a plan exceeds; `nil` if none.
    package func excess(of option: PlanOption) -> Excess? {
        if let enclaveBytes, option.enclaveBytes > enclaveBytes {
            return .memory(needed: option.enclaveBytes, allowed: enclaveBytes)
        }
        if let latencyMilliseconds, let latency = option.latencyMilliseconds, latency > latencyMilliseconds {
            return .latency(needed: latency, allowed: latencyMilliseconds)
        }
        return nil
    }
}
