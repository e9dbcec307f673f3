// SPDX-License-Identifier: Apache-2.0
package import OpenInference

/// Runs work with a time limit. The work must end when its task is cancelled.
///
/// - Parameters:
///   - limit: The longest time that `body` may take.
///   - late: The error to throw when it takes longer.
/// - Throws: `late`; what `body` throws; `CancellationError`.
package func within<Value: Sendable>(
    _ limit: Duration, else late: OpenInferenceError, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw late
        }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}
