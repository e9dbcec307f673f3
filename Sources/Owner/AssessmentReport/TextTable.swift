// SPDX-License-Identifier: Apache-2.0
internal import PlainText

/// Columns of text for a terminal; the first row is the heading. A cell is one line of plain text.
package struct TextTable: CustomStringConvertible {
    package let rows: [[String]]
    package let rightAligned: Set<Int>

    /// Limit of a cell, so that one name does not make every row as long.
    package static let maximumScalars = 1000

    package init(rows: [[String]], rightAligned: Set<Int> = []) {
        self.rows = rows.map { $0.map { PlainText.line($0, maximumScalars: Self.maximumScalars) } }
        self.rightAligned = rightAligned
    }

    package var description: String {
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
