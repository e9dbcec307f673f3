// SPDX-License-Identifier: Apache-2.0
/// One entry of an initial file system, owned by root and without a time.
package struct CPIOEntry: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        case folder
        case file([UInt8], isExecutable: Bool)
        case link(to: String)
    }

    /// Relative to the root, without `.` and `..`, such as `usr/lib/libc.so.6`.
    package let path: String
    package let content: Content

    package init(_ path: String, _ content: Content) {
        self.path = path
        self.content = content
    }

    /// File type and permissions, as `stat` has them.
    var mode: UInt32 {
        switch content {
        case .folder: 0o040755
        case .file(_, let isExecutable): isExecutable ? 0o100755 : 0o100644
        case .link: 0o120777
        }
    }

    var data: [UInt8] {
        switch content {
        case .folder: []
        case .file(let bytes, _): bytes
        case .link(let target): Array(target.utf8)
        }
    }
}
