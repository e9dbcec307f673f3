// SPDX-License-Identifier: Apache-2.0
/// How often, and after which pauses, a client tries again where ``ClientError/isRetryable`` says that it may.
public struct RetryPolicy: Sendable, Hashable {
    /// With the first one; 1 or more.
    public var maximumAttempts: Int
    /// Before the second attempt; it doubles from one to the next.
    public var firstPause: Duration
    /// A server that asks for a longer one is not tried again.
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

    /// - Parameter attempt: How many were made.
    /// - Returns: `nil` if there is no other attempt.
    func pause(after error: ClientError, attempt: Int) -> Duration? {
        guard error.isRetryable, attempt < maximumAttempts else { return nil }
        if let retryAfter = error.retryAfter { return retryAfter <= maximumPause ? retryAfter : nil }
        return min(maximumPause, firstPause * (1 << min(attempt - 1, 16)))
    }
}
