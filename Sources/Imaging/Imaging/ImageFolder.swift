// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The image files of a folder, by name.
package struct ImageFolder: Sendable, Hashable {
    /// File name endings that count as images, in upper or lower case.
    package static let endings = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"]

    /// Limit of the number of entries in a folder.
    static let maximumEntries = 1 << 20

    /// The path of the folder.
    package let path: String
    /// Names of the files, without the folder, in the order of their UTF-8 bytes.
    package let names: [String]

    /// Paths of the files, in the order of ``names``.
    package var paths: [String] { names.map { Self.join(path, $0) } }

    /// Lists the files of `path` whose names end in one of ``endings``. Subfolders and hidden files are left out. The
    /// content of the files is not read.
    ///
    /// - Throws: ``ImagingError``: `.unreadable` when `path` is no folder or may not be read, `.emptyFolder` when it
    ///   has no image file, `.tooLarge` when it has over a million entries.
    package init(_ path: String) throws(ImagingError) {
        self.path = path
        self.names = try Self.entries(of: path).filter { name in
            !name.hasPrefix(".") && Self.isPicture(name) && Self.isFile(Self.join(path, name))
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard !names.isEmpty else {
            throw ImagingError(
                .emptyFolder,
                "\(path): the folder has no picture, expected files that end in "
                    + Self.endings.joined(separator: ", "))
        }
    }

    private static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    private static func isPicture(_ name: String) -> Bool {
        let lowercased = name.lowercased()
        return endings.contains { lowercased.hasSuffix($0) }
    }

    private static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func entries(of path: String) throws(ImagingError) -> [String] {
        guard let folder = opendir(path) else {
            throw ImagingError(.unreadable, SystemMessage.current).about(path)
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else { break }
            guard names.count < maximumEntries else {
                throw ImagingError(.tooLarge, "\(path): the folder has over \(maximumEntries) entries")
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        guard errno == 0 else { throw ImagingError(.unreadable, SystemMessage.current).about(path) }
        return names
    }
}
