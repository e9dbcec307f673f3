// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A count with a decimal prefix: 1.2 M.
func formatted(count: Int) -> String {
    switch count {
    case ..<10_000: "\(count)"
    case ..<10_000_000: String(format: "%.1f k", Double(count) / 1e3)
    case ..<10_000_000_000: String(format: "%.1f M", Double(count) / 1e6)
    default: String(format: "%.1f G", Double(count) / 1e9)
    }
}

/// Bytes with a binary unit.
func formatted(bytes: Int) -> String {
    switch bytes {
    case ..<1024: "\(bytes) B"
    case ..<(1024 * 1024): String(format: "%.1f KiB", Double(bytes) / 1024)
    default: String(format: "%.1f MiB", Double(bytes) / 1_048_576)
    }
}

/// Milliseconds of a duration.
extension Duration {
    var milliseconds: Double {
        Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
    }
}
