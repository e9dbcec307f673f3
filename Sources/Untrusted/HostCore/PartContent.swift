// SPDX-License-Identifier: Apache-2.0
/// The bytes of a part, wherever they lie.
package struct PartContent: Sendable {
    package let byteCount: Int
    private let read: @Sendable (Range<Int>) -> [UInt8]?

    /// - Parameter read: Gives a range of the bytes; `nil` where they cannot be had any more.
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
