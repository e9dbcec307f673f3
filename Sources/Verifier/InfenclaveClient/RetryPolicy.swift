// SPDX-License-Identifier: Apache-2.0
/// How often, and after which pauses, a client repeats a request that failed with ``ClientError/isRetryable``.
public struct RetryPolicy: Sendable, Hashable {
    /// The maximum number of attempts, including the first one; at least 1.
    public var maximumAttempts: Int
    /// The pause before the second attempt; each further pause is twice as long.
    public var firstPause: Duration
    /// The longest pause; if a server asks for a longer one, the request is not repeated.
    public var maximumPause: Duration

    /// A policy. Less than one attempt counts as one, a negative pause as none.
    public init(
        maximumAttempts: Int = 3, firstPause: Duration = .milliseconds(200), maximumPause: Duration = .seconds(2)
    ) {
        self.maximumAttempts = max(1, maximumAttempts)
        self.firstPause = max(.zero, firstPause)
        self.maximumPause = max(.zero, maximumPause)
    }

    /// No second attempt.
    public static let never = RetryPolicy(maximumAttempts: 1)

    /// - Parameter attempt: The number of attempts so far.
    /// - Returns: `nil` if there is no other attempt.
    func pause(after error: ClientError, attempt: Int) -> Duration? {
        guard error.isRetryable, attempt < maximumAttempts else { return nil }
        if let retryAfter = error.retryAfter { return retryAfter <= maximumPause ? retryAfter : nil }
        return min(maximumPause, firstPause * (1 << min(attempt - 1, 16)))
    }
}
