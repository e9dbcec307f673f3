import Glibc

/// File descriptors of this process.
enum DescriptorLimit {
    /// Raises the soft limit to what is wanted, or as far as the hard limit lets it.
    ///
    /// - Returns: How many descriptors this process may have.
    static func raised(to wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        if limit.rlim_cur < rlim_t(wanted) {
            var raised = limit
            raised.rlim_cur = min(rlim_t(wanted), limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(min(limit.rlim_cur, rlim_t(wanted)))
    }
}
