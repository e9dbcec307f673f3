// SPDX-License-Identifier: Apache-2.0
/// Limits of a keyholder: the length of leases, and the number of releases.
package struct ReleaseTerms: Sendable {
    package let leaseSeconds: UInt32
    package let requestsInFlight: UInt32
    /// Limit for all servers together. More restarts than this need a person's attention.
    package let releasesPerHour: Int
    /// Limit of a server's enclaves that may have the key at a time, and of its staged ones. The number that a server
    /// reports is not verified.
    package let replicas: Int
    /// The audit of bundles with a BackNet; `nil` for none.
    package let audit: AuditDemand?

    /// A lease is renewed when this many seconds are left.
    var renewsAt: UInt32 { leaseSeconds / 4 }

    package init(
        leaseSeconds: UInt32, requestsInFlight: UInt32 = 64, releasesPerHour: Int = 12, replicas: Int = 1,
        audit: AuditDemand? = nil
    ) {
        (self.leaseSeconds, self.requestsInFlight) = (leaseSeconds, requestsInFlight)
        (self.releasesPerHour, self.replicas, self.audit) = (releasesPerHour, replicas, audit)
    }
}
