// SPDX-License-Identifier: Apache-2.0
package import BundleFormat
internal import Glibc
internal import SealedChannel

/// The folder of an untrusted bundle, opened once. Its files are opened relative to it, without following links, and
/// never by path again.
package final class BundleFolder {
    private let path: String
    private let descriptor: Int32

    /// Limit of the size of all parts together, whether they are loaded or only digested: 8 GiB.
    package static let maximumTotalBytes = 1 << 33

    /// The last component of the path may be a link: the user named it. Only the folder's content is untrusted.
    ///
    /// - Throws: ``PartitioningError`` with the code `file`.
    package init(opening path: String) throws(PartitioningError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: throw PartitioningError(.file, "\(path): there is no such bundle")
            case ENOTDIR: throw PartitioningError(.file, "\(path) is a file, expected a bundle's folder")
            default: throw PartitioningError(.file, "\(path) cannot be opened: \(String(cString: strerror(errno)))")
            }
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// A file of at most `maximumBytes` bytes, not read yet.
    package func file(_ file: BundleFile, maximumBytes: Int) throws(PartitioningError) -> RegularFile {
        let opened = try self.opened(file)
        guard opened.byteCount <= maximumBytes else {
            throw PartitioningError(
                .damagedBundle,
                "\(path): \(file.rawValue) has \(opened.byteCount) bytes, the limit is \(maximumBytes)")
        }
        return opened
    }

    /// A file of exactly `byteCount` bytes, not read yet.
    package func file(_ file: BundleFile, byteCount: Int) throws(PartitioningError) -> RegularFile {
        let opened = try self.opened(file)
        guard opened.byteCount == byteCount else {
            throw PartitioningError(
                .damagedBundle,
                "\(path): \(file.rawValue) has \(opened.byteCount) bytes, expected \(byteCount): copy the bundle again")
        }
        return opened
    }

    /// The parts that a manifest lists, each open, with the size that the manifest states, and not read yet.
    ///
    /// - Throws: ``PartitioningError`` that names the part, also when all together exceed ``maximumTotalBytes``.
    package func parts(
        of manifest: BundleManifest
    ) throws(PartitioningError) -> [(part: BundleManifest.Part, name: BundleFile, file: RegularFile)] {
        var total = 0
        for part in manifest.parts {
            let (sum, overflows) = total.addingReportingOverflow(part.bytes)
            guard part.bytes >= 0, !overflows, sum <= Self.maximumTotalBytes else {
                throw PartitioningError(
                    .damagedBundle,
                    "\(path): the manifest lists more than \(Self.maximumTotalBytes) bytes of parts, which is the limit"
                )
            }
            total = sum
        }
        var parts: [(part: BundleManifest.Part, name: BundleFile, file: RegularFile)] = []
        for part in manifest.parts {
            guard let name = BundleFile(rawValue: part.file) else {
                throw PartitioningError(.damagedBundle, "\(path): part \(part.file) is unknown")
            }
            parts.append((part, name, try file(name, byteCount: part.bytes)))
        }
        return parts
    }

    private func opened(_ file: BundleFile) throws(PartitioningError) -> RegularFile {
        try RegularFile(
            opening: file.rawValue, in: descriptor, followsLink: false, label: "\(path): \(file.rawValue)")
    }
}
