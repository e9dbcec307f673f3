// SPDX-License-Identifier: Apache-2.0
/// A point in time in whole seconds. Every verification takes it as an argument; nothing here reads a clock.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds; negative before.
    public let secondsSince1970: Int64

    /// The time this many seconds after 1970-01-01T00:00:00Z.
    public init(secondsSince1970: Int64) { self.secondsSince1970 = secondsSince1970 }

    /// A date of the Gregorian calendar in UTC, in the years 1 to 9999.
    ///
    /// - Returns: `nil` for a date that does not exist, and for leap seconds.
    package init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), (0...23).contains(hour),
            (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day >= 1, day <= lengths[month - 1] else { return nil }
        let before = year - 1
        let days =
            before * 365 + before / 4 - before / 100 + before / 400 + lengths[..<(month - 1)].reduce(0, +) + day - 1
        // 719162 days lie between 0001-01-01 and 1970-01-01.
        secondsSince1970 = Int64(((days - 719_162) * 24 + hour) * 60 + minute) * 60 + Int64(second)
    }

    /// Text such as `2025-07-04T12:00:00Z` (RFC 3339, UTC); a fraction of a second is dropped, and a date alone is
    /// its first second.
    public init?(iso8601 text: String) {
        var parts: [Int] = []
        var rest = Substring(text)
        for (index, width) in [4, 2, 2, 2, 2, 2].enumerated() {
            if index == 3, rest.isEmpty { break }
            if index > 0 {
                guard let separator = rest.popFirst() else { return nil }
                let accepted: [Character] = index < 3 ? ["-"] : index == 3 ? ["T", "t", " "] : [":"]
                guard accepted.contains(separator) else { return nil }
            }
            let digits = rest.prefix(width)
            guard digits.utf8.count == width, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let value = Int(digits)
            else { return nil }
            parts.append(value)
            rest = rest.dropFirst(width)
        }
        if parts.count == 6 {
            if rest.first == "." {
                rest = rest.dropFirst()
                guard let digit = rest.utf8.first, (0x30...0x39).contains(digit) else { return nil }
                rest = rest.drop { $0.isASCII && $0.isNumber }
            }
            guard ["Z", "z", "+00:00"].contains(rest) else { return nil }
        }
        parts += Array(repeating: 0, count: 6 - parts.count)
        self.init(
            year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4], second: parts[5])
    }

    /// Whether the first time is earlier.
    public static func < (first: Timestamp, second: Timestamp) -> Bool {
        first.secondsSince1970 < second.secondsSince1970
    }

    /// The time in ISO 8601, UTC.
    public var description: String {
        // Civil date from days, on years that start in March, so that the leap day comes last.
        let (days, seconds) = Self.floorDivide(secondsSince1970, 86_400)
        let (era, dayOfEra) = Self.floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        return date + "T\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))Z"
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
