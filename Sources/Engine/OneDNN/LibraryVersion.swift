internal import COneDNN

/// Which oneDNN this process runs on.
package enum LibraryVersion {
    /// `3.6.2`, say.
    package static var text: String {
        guard let version = dnnl_version()?.pointee else { return "unknown" }
        return "\(version.major).\(version.minor).\(version.patch)"
    }
}
