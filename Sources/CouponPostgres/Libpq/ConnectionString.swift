/// Connection strings, as far as libpq can judge them without a server.
internal import CLibpq

package enum ConnectionString {
    /// What is wrong, without any part of the string: it may hold a password. Nil if libpq can read it.
    package static func mistake(in text: String) -> String? {
        guard isParsed(text) else { return nil }
        var message: UnsafeMutablePointer<CChar>?
        let options = unsafe PQconninfoParse(text, &message)
        defer {
            unsafe PQconninfoFree(options)
            unsafe PQfreemem(message)
        }
        guard var option = unsafe options else {
            return unsafe message.map { unsafe withoutQuotes(String(cString: $0)) } ?? "no memory"
        }
        while let keyword = unsafe option.pointee.keyword {
            if unsafe String(cString: keyword) == "port", let value = unsafe option.pointee.val,
                unsafe !isPorts(String(cString: value))
            {
                return "port must be from 1 to 65535"
            }
            unsafe option += 1
        }
        return nil
    }

    /// The same without passwords. A text that libpq cannot read is left out as a whole.
    package static func withoutSecrets(_ text: String) -> String {
        guard isParsed(text) else { return text }
        let options = unsafe PQconninfoParse(text, nil)
        defer { unsafe PQconninfoFree(options) }
        guard var option = unsafe options else { return "(not shown)" }
        var words: [String] = []
        var hasSecret = false
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                // libpq marks what a dialog must not show: passwords.
                let isSecret = unsafe option.pointee.dispchar.map { unsafe $0.pointee } == 42
                hasSecret = hasSecret || isSecret
                let shown = isSecret ? "(not shown)" : unsafe String(cString: value)
                words.append("\(unsafe String(cString: keyword))=\(quoted(shown))")
            }
            unsafe option += 1
        }
        return hasSecret ? words.joined(separator: " ") : text
    }

    /// As libpq: any other text is the name of a database.
    private static func isParsed(_ text: String) -> Bool {
        ["postgresql://", "postgres://"].contains { text.hasPrefix($0) } || text.contains("=")
    }

    private static func quoted(_ value: String) -> String {
        if !value.isEmpty, !value.contains(where: { " '\\".contains($0) }) { return value }
        return "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    /// libpq quotes what it cannot read, so everything from the first quotation mark to the last one goes.
    private static func withoutQuotes(_ message: String) -> String {
        let text = message.prefix { $0 != "\n" }
        guard let first = message.firstIndex(of: "\""), let last = message.lastIndex(of: "\"")
        else {
            return String(text)
        }
        return message[..<first] + "…"
            + message[message.index(after: last)...].prefix { $0 != "\n" }
    }

    /// One port, or one for each host.
    private static func isPorts(_ text: String) -> Bool {
        text.split(separator: ",").allSatisfy { Int($0).map { (1...65_535).contains($0) } ?? false }
    }
}
