// SPDX-License-Identifier: Apache-2.0
package import Attestation

/// DER (X.690), written for tests. It shares no code with the reader that it tests.
package enum DER {
    package static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            switch count {
            case 0..<128: [UInt8(count)]
            case 128..<256: [0x81, UInt8(count)]
            default: [0x82, UInt8(count >> 8), UInt8(count & 255)]
            }
        return [tag] + length + content
    }

    package static func sequence(_ parts: [UInt8]...) -> [UInt8] { element(0x30, parts.flatMap(\.self)) }
    package static func set(_ parts: [UInt8]...) -> [UInt8] { element(0x31, parts.flatMap(\.self)) }
    package static func context(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { element(0xA0 | number, content) }
    package static func octets(_ bytes: [UInt8]) -> [UInt8] { element(0x04, bytes) }
    package static func bits(_ bytes: [UInt8], unused: UInt8 = 0) -> [UInt8] { element(0x03, [unused] + bytes) }
    package static func utf8(_ text: String) -> [UInt8] { element(0x0C, Array(text.utf8)) }
    package static func ia5(_ text: String) -> [UInt8] { element(0x16, Array(text.utf8)) }
    package static let yes = element(0x01, [0xFF])
    package static let null = element(0x05, [])

    /// A number that is not negative.
    package static func integer(_ value: Int) -> [UInt8] {
        var octets = [UInt8(value & 255)]
        var rest = value >> 8
        while rest > 0 {
            octets.insert(UInt8(rest & 255), at: 0)
            rest >>= 8
        }
        return element(0x02, octets[0] > 127 ? [0] + octets : octets)
    }

    package static func identifier(_ arcs: [Int]) -> [UInt8] {
        var content = [UInt8(arcs[0] * 40 + arcs[1])]
        for arc in arcs.dropFirst(2) {
            var octets = [UInt8(arc & 127)]
            var rest = arc >> 7
            while rest > 0 {
                octets.insert(UInt8(rest & 127) | 128, at: 0)
                rest >>= 7
            }
            content += octets
        }
        return element(0x06, content)
    }

    /// UTCTime.
    package static func time(_ time: Timestamp) -> [UInt8] {
        element(0x17, Array(time.description.filter(\.isNumber).dropFirst(2).utf8) + [UInt8(ascii: "Z")])
    }

    /// A name of one common name.
    package static func name(_ common: String) -> [UInt8] {
        sequence(set(sequence(identifier([2, 5, 4, 3]), utf8(common))))
    }

    /// An extension of a certificate.
    package static func certificateExtension(
        _ arcs: [Int], isCritical: Bool = false, _ value: [UInt8]
    ) -> [UInt8] {
        sequence(identifier(arcs), isCritical ? yes : [], octets(value))
    }
}

/// When something is valid, around the one time at which fixtures are verified.
package struct Period: Sendable {
    package var start: Timestamp
    package var end: Timestamp

    private init(_ first: Int, _ last: Int) {
        start = Timestamp(iso8601: "\(first)-01-01")!
        end = Timestamp(iso8601: "\(last)-01-01")!
    }

    /// The time at which fixtures are verified.
    package static let now = Timestamp(iso8601: "2026-06-01")!
    package static let current = Period(2026, 2027)
    package static let over = Period(2024, 2025)
    package static let ahead = Period(2028, 2029)
}
