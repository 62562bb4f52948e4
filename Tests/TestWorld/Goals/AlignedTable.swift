/// Rows as lines of aligned columns.
package enum AlignedTable {
    /// - Parameter rows: the first one has the headings; all have as many columns.
    package static func lines(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ").trimmed
        }
    }
}

extension String {
    package func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    /// Without the spaces at its end.
    package var trimmed: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
