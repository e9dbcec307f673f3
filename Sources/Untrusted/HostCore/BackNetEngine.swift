package import Tensors

/// What runs the layers outside the enclave.
package protocol BackNetEngine: Sendable {
    /// Runs them for one request.
    ///
    /// - Returns: `nil` when they could not run: the enclave then refuses the request under seal.
    func run(_ inputs: [Tensor]) async -> BackNetRun?
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
