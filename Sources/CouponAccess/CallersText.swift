/// The text of a callers file, for changes that keep its comments and its order.

/// A text without mistakes, before and after each change.
public struct CallersText: Sendable {
    private var lines: [String]
    /// What the text says.
    public private(set) var file: CallersFile

    /// - Throws: all mistakes of the text.
    public init(_ bytes: [UInt8]) throws(CallersFileError) {
        file = try CallersFile(bytes)
        lines = String(decoding: bytes, as: UTF8.self).callersLines.map(String.init)
        if lines.last == "" { lines.removeLast() }
    }

    /// As it is written to the file.
    public var bytes: [UInt8] { Array(Self.joined(lines).utf8) }

    private static func joined(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    /// The principal of that name; nil if there is none.
    public func entry(of name: String) -> CallersFile.Entry? {
        file.entries.first { $0.principal.name == name }
    }

    /// Adds a principal at the end.
    /// - Parameter words: its name, then its fields.
    /// - Throws: what is wrong with them.
    public mutating func add(_ words: [String]) throws(CallersFileError) {
        try change { $0.append(words.joined(separator: " ")) }
    }

    /// Gives a principal another token. The principal's newest token so far stays valid while its callers get
    /// the new one. Older tokens are removed.
    /// - Returns: false if there is no such principal.
    public mutating func addToken(
        _ token: TokenDigest, to name: String
    ) throws(CallersFileError) -> Bool {
        guard let entry = entry(of: name) else { return false }
        try change { lines in
            var words = Self.withNewestToken(lines[entry.line - 1])
            let end = words.lastIndex(where: Self.isToken) ?? words.count - 1
            words.insert(Substring("\(Proof.token(token))"), at: end + 1)
            lines[entry.line - 1] = words.joined(separator: " ")
        }
        return true
    }

    /// Removes a principal's tokens, except the newest.
    /// - Returns: false if there is no such principal.
    public mutating func removeOldTokens(of name: String) throws(CallersFileError) -> Bool {
        guard let entry = entry(of: name) else { return false }
        try change { lines in
            lines[entry.line - 1] =
                Self.withNewestToken(lines[entry.line - 1]).joined(separator: " ")
        }
        return true
    }

    /// The words of a line without its older tokens: the last token is the newest.
    private static func withNewestToken(_ line: String) -> [Substring] {
        let words = line.split(whereSeparator: \.isWhitespace)
        let newest = words.last(where: isToken)
        return words.filter { !isToken($0) || $0 == newest }
    }

    private static func isToken(_ word: Substring) -> Bool { word.hasPrefix("token=") }

    /// Removes a principal.
    /// - Returns: false if there is no such principal.
    public mutating func remove(_ name: String) throws(CallersFileError) -> Bool {
        guard let entry = entry(of: name) else { return false }
        try change { $0.remove(at: entry.line - 1) }
        return true
    }

    private mutating func change(
        _ change: (inout [String]) -> Void
    ) throws(CallersFileError) {
        var changed = lines
        change(&changed)
        file = try CallersFile(Array(Self.joined(changed).utf8))
        lines = changed
    }
}
