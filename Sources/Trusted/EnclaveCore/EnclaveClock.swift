// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The enclave's clock, for leases and the age of keys. It has no date. Who can slow it depends on the TEE
/// (`Documentation/threat-model.md`); it never runs backwards.
package struct EnclaveClock: Sendable {
    /// Time since some moment before the enclave started.
    package let now: @Sendable () -> Duration

    package init(_ now: @escaping @Sendable () -> Duration) { self.now = now }

    /// `CLOCK_BOOTTIME`, which continues while the machine sleeps.
    package static let bootTime = EnclaveClock {
        var time = timespec()
        // Without a clock no lease would end: the process ends instead. Linux has had this clock since 2.6.39.
        guard clock_gettime(CLOCK_BOOTTIME, &time) == 0 else { _exit(70) }
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}
