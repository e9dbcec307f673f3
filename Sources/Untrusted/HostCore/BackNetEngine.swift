// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Runs the layers outside the enclave.
package protocol BackNetEngine: Sendable {
    /// Runs them for one request.
    ///
    /// - Returns: `nil` when they could not run: the enclave then refuses the request under seal.
    func run(_ inputs: [Tensor]) async -> BackNetRun?

    /// Why it can run nothing at present, and what an operator can do; `nil` while it can.
    var outage: String? { get }

    /// Its own metrics, each with these labels.
    func metricsText(labels: MetricsText.Labels) -> MetricsText
}

extension BackNetEngine {
    package var outage: String? { nil }
    package func metricsText(labels: MetricsText.Labels) -> MetricsText { MetricsText() }
}

/// One run of the layers outside.
package struct BackNetRun: Sendable {
    package let outputs: [Tensor]
    /// From the question to the start of the computation.
    package let queued: Duration
    package let computed: Duration

    package init(outputs: [Tensor], queued: Duration, computed: Duration) {
        self.outputs = outputs
        self.queued = queued
        self.computed = computed
    }
}
