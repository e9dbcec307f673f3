// SPDX-License-Identifier: Apache-2.0
internal import COpenBLAS
internal import OneDNN
internal import ProductVersion

/// The versions of the software that computed an assessment, needed to reproduce it.
package struct SoftwareVersions: Sendable, Hashable {
    /// The version of this program.
    package static let program = ProductVersion.text

    package let oneDNN: String
    /// OpenBLAS' own description: version, options, kernel.
    package let openBLAS: String

    /// The versions in this process.
    package static var current: SoftwareVersions {
        SoftwareVersions(
            oneDNN: LibraryVersion.text, openBLAS: String(cString: infenclave_blas_description()))
    }
}
