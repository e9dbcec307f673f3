// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Cancels an assessment from another thread or at a deadline.
package final class CancellationFlag: Sendable {
    private let raised = Atomic(false)
    private let parent: CancellationFlag?
    private let deadline: ContinuousClock.Instant?

    /// - Parameters:
    ///   - parent: Cancels this one too.
    ///   - deadline: `nil` for none.
    package init(under parent: CancellationFlag? = nil, deadline: ContinuousClock.Instant? = nil) {
        self.parent = parent
        self.deadline = deadline
    }

    /// Requests cancellation. May be called from any thread, any number of times.
    package func cancel() { raised.store(true, ordering: .relaxed) }

    package var isCancelled: Bool {
        raised.load(ordering: .relaxed) || parent?.isCancelled == true
            || deadline.map { ContinuousClock.now >= $0 } ?? false
    }

    /// - Throws: ``AssessmentError`` `.cancelled` after ``cancel()`` was called or the deadline has passed.
    package func check() throws(AssessmentError) {
        if isCancelled { throw AssessmentError(.cancelled, "the assessment was stopped; no report was written") }
    }
}
