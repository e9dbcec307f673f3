// SPDX-License-Identifier: Apache-2.0
/// The key of a stored result: a readable name and a digest of every input of its computation.
package struct WorkKey: Sendable, Hashable {
    package let name: String
    package let digest: String

    /// Half of the digest distinguishes files; the file itself contains all of it.
    var fileName: String { "\(name)-\(digest.prefix(32)).piece" }
}
