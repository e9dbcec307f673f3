/// For how long a keyholder lets an enclave serve, and how often it lets one begin.
package struct ReleaseTerms: Sendable {
    package let leaseSeconds: UInt32
    package let requestsInFlight: UInt32
    /// Of all servers together. More restarts than this are no accident: somebody has to look.
    package let releasesPerHour: Int

    /// A lease is renewed when so many seconds of it are left.
    var renewsAt: UInt32 { leaseSeconds / 4 }

    package init(leaseSeconds: UInt32, requestsInFlight: UInt32 = 64, releasesPerHour: Int = 12) {
        (self.leaseSeconds, self.requestsInFlight) = (leaseSeconds, requestsInFlight)
        self.releasesPerHour = releasesPerHour
    }
}
