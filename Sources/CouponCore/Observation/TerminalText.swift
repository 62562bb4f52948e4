/// Texts from outside (titles, errors of servers) as a terminal may show them.

extension String {
    /// In one line and without escapes: what would move the cursor, change the terminal or the direction of
    /// the text is written as `\u{1b}`.
    package var safeForTerminal: String {
        guard unicodeScalars.contains(where: \.isUnsafeForTerminal) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isUnsafeForTerminal {
                text += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }

    /// How many cells a terminal needs for it: two for each wide character of East Asia and each emoji.
    package var terminalCells: Int { reduce(0) { $0 + $1.terminalCells } }
}

extension Unicode.Scalar {
    /// Control characters, invisible marks such as those that turn the direction, and other line ends.
    /// The two joiners stay: scripts of India and emoji need them.
    var isUnsafeForTerminal: Bool {
        if isASCII { return value < 0x20 || value == 0x7F }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        case .format: return value != 0x200C && value != 0x200D
        default: return false
        }
    }

    /// The blocks that Unicode's table of widths (UAX 11) has as wide.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97C,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60,
        0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]

    fileprivate var isWide: Bool {
        value >= 0x1100
            && (properties.isEmojiPresentation || Self.wide.contains { $0.contains(value) })
    }

    fileprivate var hasNoCell: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: true
        default: false
        }
    }
}

extension Character {
    /// A letter with its marks, or several joined emoji, are one character.
    fileprivate var terminalCells: Int {
        if isASCII { return 1 }
        let emojiStyle: Unicode.Scalar = "\u{FE0F}"
        if unicodeScalars.contains(where: \.isWide) || unicodeScalars.contains(emojiStyle) {
            return 2
        }
        return unicodeScalars.allSatisfy(\.hasNoCell) ? 0 : 1
    }
}
