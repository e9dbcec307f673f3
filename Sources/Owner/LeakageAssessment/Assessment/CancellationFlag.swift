internal import Synchronization

/// Asks an assessment to stop, from another thread or at a deadline.
package final class CancellationFlag: Sendable {
    private let raised = Atomic(false)
    private let parent: CancellationFlag?
    private let deadline: ContinuousClock.Instant?

    /// - Parameters:
    ///   - parent: Stops this one too.
    ///   - deadline: `nil` for none.
    package init(under parent: CancellationFlag? = nil, deadline: ContinuousClock.Instant? = nil) {
        self.parent = parent
        self.deadline = deadline
    }

    /// Asks to stop. May be called from any thread, any number of times.
    package func cancel() { raised.store(true, ordering: .relaxed) }

    package var isCancelled: Bool {
        raised.load(ordering: .relaxed) || parent?.isCancelled == true
            || deadline.map { ContinuousClock.now >= $0 } ?? false
    }

    /// - Throws: ``AssessmentError`` `.cancelled` once ``cancel()`` was called, or the deadline is over.
    package func check() throws(AssessmentError) {
        if isCancelled { throw AssessmentError(.cancelled, "the assessment was stopped; no report was written") }
    }
}
