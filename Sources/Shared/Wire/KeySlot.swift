/// One of the sixteen equal parts of the 256 key identifiers: those whose upper four bits are its number.
///
/// A host gives the enclaves of one model different slots, so that the first byte of a sealed request (RFC 9458, section 4.1)
/// says which of them has its key. An enclave that is told a slot by a lying host is harder to reach, and no less safe:
/// identifiers are public, and what opens a request is the key.
package struct KeySlot: Sendable, Hashable, CustomStringConvertible {
    package static let count = 16

    /// Below ``count``.
    package let number: UInt8

    /// - Returns: `nil` for a number that is none.
    package init?(_ number: UInt8) {
        guard number < Self.count else { return nil }
        self.number = number
    }

    /// The slot that an identifier is in.
    package init(of keyIdentifier: UInt8) { number = keyIdentifier >> 4 }

    /// The lowest ones, or all where that is more than there are.
    package static func first(_ count: Int) -> [KeySlot] {
        (0..<Self.count).prefix(count).compactMap { KeySlot(UInt8($0)) }
    }

    package static let all = first(count)

    package var identifiers: ClosedRange<UInt8> { (number << 4)...(number << 4 | 0xF) }

    package var description: String { String(number) }
}
