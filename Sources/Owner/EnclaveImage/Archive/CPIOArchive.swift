// SPDX-License-Identifier: Apache-2.0
/// An initial file system for Linux (cpio, format newc). The same entries give the same bytes in any order: they are
/// sorted by path, numbered from 1, owned by root, and have no time. Missing parent folders are added.
///
/// - Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
package enum CPIOArchive {
    private static let maximumEntries = 4096
    /// The kernel's `PATH_MAX`, with the final NUL.
    private static let maximumPathBytes = 4096
    private static let trailer = "TRAILER!!!"

    /// - Throws: ``ImageError`` (invalidArgument) for a path that is repeated, absolute, or not normalised.
    package static func bytes(_ entries: [CPIOEntry]) throws(ImageError) -> [UInt8] {
        var byPath: [String: CPIOEntry] = [:]
        for entry in entries {
            try check(entry)
            guard byPath.updateValue(entry, forKey: entry.path) == nil else {
                throw ImageError(.invalidArgument, "the initial file system has '\(entry.path)' twice")
            }
        }
        for entry in entries {
            var parts = entry.path.split(separator: "/")
            while parts.popLast() != nil, !parts.isEmpty {
                let folder = parts.joined(separator: "/")
                switch byPath[folder]?.content {
                case nil: byPath[folder] = CPIOEntry(folder, .folder)
                case .folder: break
                case .file, .link:
                    throw ImageError(
                        .invalidArgument, "'\(folder)' is a folder of '\(entry.path)' and something else in one archive"
                    )
                }
            }
        }
        guard byPath.count <= maximumEntries else {
            throw ImageError(.invalidArgument, "the initial file system has more than \(maximumEntries) entries")
        }
        // By bytes, since the order of characters depends on the Unicode version. A folder precedes its content.
        let sorted = byPath.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sorted.reduce(0) { $0 + $1.data.count + 256 })
        for (index, entry) in sorted.enumerated() {
            append(entry.path, entry.mode, entry.data, number: UInt32(index + 1), to: &bytes)
        }
        append(trailer, 0, [], number: 0, to: &bytes)
        return bytes
    }

    private static func check(_ entry: CPIOEntry) throws(ImageError) {
        let parts = entry.path.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.isEmpty, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
            entry.path.utf8.count < maximumPathBytes, !entry.path.utf8.contains(0), entry.path != trailer
        else {
            throw ImageError(.invalidArgument, "the path '\(entry.path)' cannot be in an initial file system")
        }
        guard entry.data.count <= UInt32.max else {
            throw ImageError(.invalidArgument, "'\(entry.path)' is larger than 4 GiB")
        }
    }

    private static func append(
        _ path: String, _ mode: UInt32, _ data: [UInt8], number: UInt32, to bytes: inout [UInt8]
    ) {
        // inode, mode, uid, gid, links, time, size, device of the file (2) and of the special file (2), name, checksum.
        let fields: [UInt32] = [
            number, mode, 0, 0, 1, 0, UInt32(data.count), 0, 0, 0, 0, UInt32(path.utf8.count + 1), 0,
        ]
        bytes += "070701".utf8
        for field in fields {
            let digits = String(field, radix: 16, uppercase: true)
            bytes += String(repeating: "0", count: 8 - digits.count).utf8
            bytes += digits.utf8
        }
        bytes += path.utf8
        bytes.append(0)
        pad(&bytes)
        bytes += data
        pad(&bytes)
    }

    private static func pad(_ bytes: inout [UInt8]) { while !bytes.count.isMultiple(of: 4) { bytes.append(0) } }
}
