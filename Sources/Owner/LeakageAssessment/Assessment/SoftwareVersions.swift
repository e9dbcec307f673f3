internal import COpenBLAS
internal import OneDNN
internal import ProductVersion

/// What computed an assessment, so that somebody else can compute it again.
package struct SoftwareVersions: Sendable, Hashable {
    /// Of this program.
    package static let program = ProductVersion.text

    package let oneDNN: String
    /// As the library describes itself: version, options, kernel.
    package let openBLAS: String

    /// Of this process.
    package static var current: SoftwareVersions {
        SoftwareVersions(
            oneDNN: LibraryVersion.text, openBLAS: String(cString: infenclave_blas_description()))
    }
}
