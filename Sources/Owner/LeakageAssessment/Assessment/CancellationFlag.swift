internal import Synchronization

/// Lets another thread, a signal's handler for instance, stop an assessment. No report is written then.
package final class CancellationFlag: Sendable {
    private let raised = Atomic(false)

    package init() {}

    /// Asks to stop. May be called from any thread, any number of times.
    package func cancel() { raised.store(true, ordering: .relaxed) }

    package var isCancelled: Bool { raised.load(ordering: .relaxed) }

    /// - Throws: ``AssessmentError`` `.cancelled` once ``cancel()`` was called.
    package func check() throws(AssessmentError) {
        if isCancelled { throw AssessmentError(.cancelled, "the assessment was stopped; no report was written") }
    }
}
