// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A limited number at a time, without a queue.
final class Slots: Sendable {
    private let limit: Int
    private let taken = Mutex(0)

    init(_ limit: Int) { self.limit = limit }

    /// - Returns: Whether there was room; ``give()`` gives it back.
    func take() -> Bool {
        taken.withLock { taken in
            guard taken < limit else { return false }
            taken += 1
            return true
        }
    }

    func give() { taken.withLock { $0 -= 1 } }
}
