// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The version of oneDNN in this process.
package enum LibraryVersion {
    /// Such as `2.6.3`.
    package static var text: String {
        guard let version = dnnl_version()?.pointee else { return "unknown" }
        return "\(version.major).\(version.minor).\(version.patch)"
    }
}
