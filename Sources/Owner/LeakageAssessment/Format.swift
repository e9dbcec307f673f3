// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Formats numbers for people, the same in every locale.
package enum Format {
    /// Two decimals, or three below 0.1.
    package static func number(_ value: Double) -> String {
        guard value.isFinite else { return "not finite" }
        return fixed(value, abs(value) < 0.0995 && value != 0 ? 3 : 2)
    }

    /// `digits` decimals.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = pow(10, Double(digits))
        guard value.isFinite, abs(value) * scale < 1e15 else { return "\(value)" }
        let rounded = Int((abs(value) * scale).rounded())
        let (whole, part) = rounded.quotientAndRemainder(dividingBy: Int(scale))
        let sign = value < 0 && rounded > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let decimals = String(part)
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - decimals.count) + decimals
    }

    /// Three significant digits.
    package static func significant(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return number(value) }
        return fixed(value, min(9, max(0, 2 - Int(floor(log10(abs(value)))))))
    }

    package static func percent(_ share: Double) -> String {
        let value = share * 100
        return fixed(value, value > 0 && value < 9.95 ? 1 : 0) + " %"
    }

    /// A number of bytes in binary units, as all programs of the project show it.
    package static func bytes(_ count: Int) -> String {
        switch count {
        case ..<1024: "\(count) bytes"
        case ..<(1024 * 1024): fixed(Double(count) / 1024, 1) + " KiB"
        default: fixed(Double(count) / 1_048_576, 1) + " MiB"
        }
    }

    /// 1234567 as 1.23 M.
    package static func count(_ value: Int) -> String {
        switch value {
        case ..<10_000: "\(value)"
        case ..<1_000_000: fixed(Double(value) / 1e3, 0) + " k"
        case ..<1_000_000_000: fixed(Double(value) / 1e6, value < 100_000_000 ? 1 : 0) + " M"
        default: fixed(Double(value) / 1e9, 2) + " G"
        }
    }
}
