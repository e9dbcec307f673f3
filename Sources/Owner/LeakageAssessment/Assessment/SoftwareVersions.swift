internal import COpenBLAS
internal import OneDNN

/// The versions of the software that computed an assessment, needed to reproduce it.
package struct SoftwareVersions: Sendable, Hashable {
    /// The version of this program.
    package static let program = "0.1.0"

    package let oneDNN: String
    /// OpenBLAS' own description: version, options, kernel.
    package let openBLAS: String

    /// The versions in this process.
    package static var current: SoftwareVersions {
        SoftwareVersions(
            oneDNN: LibraryVersion.text, openBLAS: String(cString: infenclave_blas_description()))
    }
}
