import Foundation

/// Columns of text for a terminal; the first row is the heading.
struct TextTable: CustomStringConvertible {
    let rows: [[String]]
    var rightAligned: Set<Int> = []

    var description: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return rightAligned.contains(column) ? padding + cell : cell + padding
            }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}

/// A count with a unit a person reads: 1.2 M.
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
