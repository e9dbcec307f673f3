// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// Fires at a connection's deadline. Deadlines mostly move later, so one scheduled task is kept. If it fires too early,
/// the callee checks the clock and sets the alarm again.
final class DeadlineAlarm {
    private var scheduled: (task: Scheduled<Void>, time: ContinuousClock.Instant)?

    /// Called on this event loop.
    func set(to deadline: ContinuousClock.Instant, on eventLoop: any EventLoop, _ ring: @escaping () -> Void) {
        if let scheduled, scheduled.time <= deadline { return }
        scheduled?.task.cancel()
        let delay = TimeAmount(max(.zero, deadline - .now))
        let task = eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in
            scheduled = nil
            ring()
        }
        scheduled = (task, deadline)
    }

    func cancel() {
        scheduled?.task.cancel()
        scheduled = nil
    }
}

@available(*, unavailable)
extension DeadlineAlarm: Sendable {}
