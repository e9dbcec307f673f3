// SPDX-License-Identifier: Apache-2.0
/// One element of DER (X.690): a tag, a length in its shortest form, and content.
struct DERElement: Sendable {
    let tag: UInt8
    let content: ArraySlice<UInt8>
    /// Tag, length and content: the bytes that a signature over the element covers.
    let encoded: ArraySlice<UInt8>

    var reader: DERReader { DERReader(content) }
}

/// Reads the elements of DER bytes one after another. It does not descend into an element until asked to, so deep
/// nesting costs nothing.
///
/// It exists because swift-certificates refuses every certificate of AMD (RSASSA-PSS) and does not read revocation
/// lists. Most of X.509 would therefore be read here anyway, and two readers of certificates could disagree on what is
/// malformed.
struct DERReader: Sendable {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }
    var nextTag: UInt8? { rest.first }

    /// - Throws: ``CertificateFault`` when the next element is cut off, or its length is not in the shortest form.
    mutating func element() throws(CertificateFault) -> DERElement {
        let start = rest.startIndex
        guard rest.count >= 2, rest[start] & 0x1F != 0x1F else {
            throw CertificateFault("DER is cut off or has a long tag")
        }
        var header = 2
        var count = Int(rest[start + 1])
        if count >= 0x80 {
            let digits = count & 0x7F
            guard (1...4).contains(digits), rest.count >= 2 + digits else {
                throw CertificateFault("DER has a length of an unknown form")
            }
            count = rest[(start + 2)..<(start + 2 + digits)].reduce(0) { $0 << 8 | Int($1) }
            guard count >= 0x80, count >> (8 * (digits - 1)) != 0 else {
                throw CertificateFault("DER has a length that is not in its shortest form")
            }
            header += digits
        }
        guard count <= rest.count - header else { throw CertificateFault("DER ends early") }
        let end = start + header + count
        defer { rest = rest[end...] }
        return DERElement(
            tag: rest[start], content: rest[(start + header)..<end], encoded: rest[start..<end])
    }

    mutating func element(_ tag: UInt8, _ what: String) throws(CertificateFault) -> DERElement {
        guard nextTag == tag else { throw CertificateFault("\(what) is missing or of another type") }
        return try element()
    }

    /// The next element if it has the tag.
    mutating func optional(_ tag: UInt8) throws(CertificateFault) -> DERElement? {
        nextTag == tag ? try element() : nil
    }

    mutating func sequence(_ what: String) throws(CertificateFault) -> DERReader {
        try element(DERTag.sequence, what).reader
    }

    /// The content octets of an object identifier.
    mutating func identifier(_ what: String) throws(CertificateFault) -> [UInt8] {
        Array(try element(DERTag.identifier, what).content)
    }

    /// The content octets of an integer in their shortest form, so that equal numbers are equal octets.
    mutating func integer(_ what: String) throws(CertificateFault) -> [UInt8] {
        let content = try element(DERTag.integer, what).content
        guard let first = content.first else { throw CertificateFault("\(what) is an empty integer") }
        if content.count > 1 {
            let second = content[content.startIndex + 1]
            guard !(first == 0 && second < 0x80), !(first == 0xFF && second >= 0x80) else {
                throw CertificateFault("\(what) is an integer with needless octets")
            }
        }
        return Array(content)
    }

    /// A number from 0 to 65535.
    mutating func smallInteger(_ what: String) throws(CertificateFault) -> Int {
        let octets = try integer(what)
        guard octets.count <= 3, octets[0] < 0x80 else { throw CertificateFault("\(what) is out of range") }
        let value = octets.reduce(0) { $0 << 8 | Int($1) }
        guard value <= 0xFFFF else { throw CertificateFault("\(what) is out of range") }
        return value
    }

    mutating func octets(_ what: String, _ count: Int? = nil) throws(CertificateFault) -> [UInt8] {
        let content = try element(DERTag.octets, what).content
        guard count == nil || content.count == count else {
            throw CertificateFault("\(what) has \(content.count) octets")
        }
        return Array(content)
    }

    /// A bit string of whole octets.
    mutating func bits(_ what: String) throws(CertificateFault) -> [UInt8] {
        let content = try element(DERTag.bits, what).content
        guard content.first == 0 else { throw CertificateFault("\(what) is not a string of whole octets") }
        return Array(content.dropFirst())
    }

    mutating func boolean(_ what: String) throws(CertificateFault) -> Bool {
        switch Array(try element(DERTag.boolean, what).content) {
        case [0xFF]: return true
        case [0x00]: return false
        default: throw CertificateFault("\(what) is not a boolean")
        }
    }

    /// UTCTime, whose years are 1950 to 2049, or GeneralizedTime, both in UTC with seconds (RFC 5280, 4.1.2.5).
    mutating func time(_ what: String) throws(CertificateFault) -> Timestamp {
        let element = try element()
        var digits = element.content
        let yearDigits = element.tag == DERTag.utcTime ? 2 : 4
        guard element.tag == DERTag.utcTime || element.tag == DERTag.generalizedTime,
            digits.count == yearDigits + 11, digits.popLast() == UInt8(ascii: "Z"),
            digits.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw CertificateFault("\(what) is not a time") }
        func take(_ count: Int) -> Int {
            defer { digits = digits.dropFirst(count) }
            return digits.prefix(count).reduce(0) { $0 * 10 + Int($1) - 0x30 }
        }
        var year = take(yearDigits)
        if yearDigits == 2 { year += year < 50 ? 2000 : 1900 }
        guard
            let time = Timestamp(
                year: year, month: take(2), day: take(2), hour: take(2), minute: take(2), second: take(2))
        else { throw CertificateFault("\(what) is no date") }
        return time
    }

    func finish(_ what: String) throws(CertificateFault) {
        guard isAtEnd else { throw CertificateFault("\(what) has more elements than expected") }
    }
}

enum DERTag {
    static let boolean: UInt8 = 0x01
    static let integer: UInt8 = 0x02
    static let bits: UInt8 = 0x03
    static let octets: UInt8 = 0x04
    static let null: UInt8 = 0x05
    static let identifier: UInt8 = 0x06
    static let enumerated: UInt8 = 0x0A
    static let utcTime: UInt8 = 0x17
    static let generalizedTime: UInt8 = 0x18
    static let ia5String: UInt8 = 0x16
    static let sequence: UInt8 = 0x30
    static let set: UInt8 = 0x31
    /// `[n]`, constructed.
    static func context(_ number: UInt8) -> UInt8 { 0xA0 | number }
}

/// The fault of a certificate or revocation list.
struct CertificateFault: Error, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
