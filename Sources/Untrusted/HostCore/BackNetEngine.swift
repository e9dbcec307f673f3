// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Runs the layers outside the enclave.
package protocol BackNetEngine: Sendable {
    /// Runs them for one request.
    ///
    /// - Returns: `nil` if they could not run: the enclave then sends an encrypted refusal.
    func run(_ inputs: [Tensor]) async -> BackNetRun?

    /// Why it cannot run at present, and what an operator can do; `nil` while it can.
    var outage: String? { get }

    /// The engine's metrics, each with these labels.
    func metricsText(labels: MetricsText.Labels) -> MetricsText
}

extension BackNetEngine {
    package var outage: String? { nil }
    package func metricsText(labels: MetricsText.Labels) -> MetricsText { MetricsText() }
}

/// One run of the layers outside the enclave.
package struct BackNetRun: Sendable {
    package let outputs: [Tensor]
    /// The time from the call to the start of the computation.
    package let queued: Duration
    package let computed: Duration

    package init(outputs: [Tensor], queued: Duration, computed: Duration) {
        self.outputs = outputs
        self.queued = queued
        self.computed = computed
    }
}
