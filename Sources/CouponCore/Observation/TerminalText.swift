/// Texts from outside (titles, names, errors of servers) as a terminal or a log may show them. This is the
/// only place that decides which characters are safe; code that prints calls it last.

extension String {
    /// This text in one line, harmless for a terminal: each character that would move the cursor, change the
    /// terminal, turn the direction of the text or hide in it is written like `\u{1b}`.
    package var safeForTerminal: String {
        guard unicodeScalars.contains(where: \.mayMislead) else { return self }
        var text = ""
        visitScalars { scalar, isUnsafe in
            if isUnsafe {
                text += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The same for a text of several lines: its line feeds stay.
    package var safeLinesForTerminal: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).safeForTerminal }
            .joined(separator: "\n")
    }

    /// Visits each scalar, with whether it must be escaped.
    func visitScalars(_ visit: (Unicode.Scalar, _ isUnsafe: Bool) -> Void) {
        var rest = unicodeScalars[...]
        var before: Unicode.Scalar?
        while let scalar = rest.popFirst() {
            visit(scalar, scalar.isUnsafe(after: before, before: rest.first))
            before = scalar
        }
    }

    /// How many cells a terminal needs for it: two for each wide character of East Asia and each emoji.
    package var terminalCells: Int { reduce(0) { $0 + $1.terminalCells } }
}

extension Unicode.Scalar {
    /// Control characters, other line ends, and what shows nothing itself: marks that turn the direction,
    /// joiners, fillers, tags.
    fileprivate var mayMislead: Bool {
        if isASCII { return value < 0x20 || value == 0x7F }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .format: return true
        default: return properties.isDefaultIgnorableCodePoint
        }
    }

    /// Whether it must be escaped between these two. Joiners stay between letters of scripts that need them
    /// and between emoji; a variation selector stays after its emoji. Elsewhere they only make texts that
    /// look the same differ.
    fileprivate func isUnsafe(after last: Unicode.Scalar?, before next: Unicode.Scalar?) -> Bool {
        guard mayMislead else { return false }
        switch value {
        case 0x200C, 0x200D: return !(last?.isJoined ?? false) || !(next?.isJoined ?? false)
        case 0xFE0E, Self.emojiStyle: return !(last?.properties.isEmoji ?? false)
        default: return true
        }
    }

    private static let emojiStyle: UInt32 = 0xFE0F

    /// The blocks of scripts whose letters are joined or kept apart by joiners: from Hebrew to Vedic, and
    /// those of India and its neighbours that came later.
    private static let joined: [ClosedRange<UInt32>] = [
        0x0590...0x10FF, 0x1200...0x1CFF, 0xA800...0xABFF, 0x11000...0x11FFF,
    ]

    private var isJoined: Bool {
        if isASCII { return false }
        return properties.isEmoji || value == Self.emojiStyle
            || Self.joined.contains { $0.contains(value) }
    }

    /// The blocks that Unicode's table of widths (UAX 11) lists as wide.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF,
        0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
        0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x1B2FF, 0x1F300...0x1F64F,
        0x1F900...0x1F9FF, 0x20000...0x3FFFD,
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
