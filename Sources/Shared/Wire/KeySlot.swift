// SPDX-License-Identifier: Apache-2.0
/// One of sixteen equal ranges of the 256 key identifiers: those whose upper four bits are its number.
///
/// A host gives the enclaves of one model different slots, so that the first byte of an encrypted request (RFC 9458,
/// section 4.1) identifies the enclave that has its key. A host that assigns wrong slots makes an enclave harder to
/// reach but does not weaken security: identifiers are public, and only the key decrypts a request.
package struct KeySlot: Sendable, Hashable, CustomStringConvertible {
    package static let count = 16

    /// Below ``count``.
    package let number: UInt8

    /// - Returns: `nil` for a number that is not below ``count``.
    package init?(_ number: UInt8) {
        guard number < Self.count else { return nil }
        self.number = number
    }

    /// The slot of an identifier.
    package init(of keyIdentifier: UInt8) { number = keyIdentifier >> 4 }

    /// The lowest `count` slots, at most all of them.
    package static func first(_ count: Int) -> [KeySlot] {
        (0..<Self.count).prefix(count).compactMap { KeySlot(UInt8($0)) }
    }

    package static let all = first(count)

    package var identifiers: ClosedRange<UInt8> { (number << 4)...(number << 4 | 0xF) }

    package var description: String { String(number) }
}
