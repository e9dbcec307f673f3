// SPDX-License-Identifier: Apache-2.0
/// The bytes of a part, in memory or in a file.
package struct PartContent: Sendable {
    package let byteCount: Int
    private let read: @Sendable (Range<Int>) -> [UInt8]?

    /// - Parameter read: Returns a range of the bytes; `nil` if they cannot be read any more.
    package init(byteCount: Int, read: @escaping @Sendable (Range<Int>) -> [UInt8]?) {
        self.byteCount = byteCount
        self.read = read
    }

    package init(_ bytes: [UInt8]) {
        self.init(byteCount: bytes.count) { Array(bytes[$0]) }
    }

    /// - Throws: ``HostError`` `bundleUnreadable`.
    func bytes(_ range: Range<Int>) throws(HostError) -> [UInt8] {
        guard let bytes = read(range), bytes.count == range.count else {
            throw HostError(
                .bundleUnreadable,
                "a part of the bundle was changed or removed while it is served: start the server again")
        }
        return bytes
    }
}
