/// For how long a keyholder lets an enclave serve, and how often it lets one begin.
package struct ReleaseTerms: Sendable {
    package let leaseSeconds: UInt32
    package let requestsInFlight: UInt32
    /// Of all servers together. More restarts than this are no accident: somebody has to look.
    package let releasesPerHour: Int
    /// Enclaves of a server that may have the key at a time, and as many that are staged: nothing vouches for the number that a
    /// server says.
    package let replicas: Int

    /// A lease is renewed when so many seconds of it are left.
    var renewsAt: UInt32 { leaseSeconds / 4 }

    package init(leaseSeconds: UInt32, requestsInFlight: UInt32 = 64, releasesPerHour: Int = 12, replicas: Int = 1) {
        (self.leaseSeconds, self.requestsInFlight) = (leaseSeconds, requestsInFlight)
        (self.releasesPerHour, self.replicas) = (releasesPerHour, replicas)
    }
}
