internal import CouponCore

/// Columns for people: as wide as their widest cell, numbers to the right. Cells may hold texts from outside.
struct Table {
    /// The headings.
    let header: [String]
    /// The cells; each row has one for each heading.
    var rows: [[String]] = []

    /// The lines, headings first, without trailing blanks.
    var lines: [String] {
        let all = [header] + rows.map { $0.map(\.safeForTerminal) }
        let widths = header.indices.map { column in
            all.map { $0[column].terminalCells }.max() ?? 0
        }
        let isNumeric = header.indices.map { column in
            !rows.isEmpty && rows.allSatisfy { Self.isNumber($0[column]) }
        }
        return all.map { row in
            let cells = row.indices.map { column in
                Self.padded(row[column], to: widths[column], toTheRight: isNumeric[column])
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// One line for each pair, values in one column.
    static func fields(_ fields: [(String, String)]) -> [String] {
        let width = fields.map(\.0.count).max() ?? 0
        return fields.map {
            padded($0.0, to: width, toTheRight: false) + "  " + $0.1.safeForTerminal
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        text == "-" || (!text.isEmpty && text.allSatisfy { $0.isNumber || $0 == "." })
    }

    private static func padded(_ text: String, to width: Int, toTheRight: Bool) -> String {
        let blanks = String(repeating: " ", count: max(0, width - text.terminalCells))
        return toTheRight ? blanks + text : text + blanks
    }
}
