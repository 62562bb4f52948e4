/// Connection strings, as far as libpq can judge them without a server.
internal import CLibpq
internal import CouponCore
internal import Glibc

package enum ConnectionString {
    /// What is wrong, without any part of the string: it may hold a password. Nil if libpq can use it.
    package static func mistake(in text: String) -> String? {
        guard isParsed(text) else { return nil }
        let options: [String: String]
        switch parse(text) {
        case .success(let found): options = found
        case .failure(let mistake): return mistake.text
        }
        if let ports = options["port"], !isPorts(ports) { return "port must be from 1 to 65535" }
        if let mistake = mistake(inSocketsOf: options) { return mistake }
        // libpq would quote such a host when it cannot find it. An @ at its beginning is an abstract socket.
        if options["host"]?.split(separator: ",").contains(where: { $0.dropFirst().contains("@") })
            == true
        {
            return "the host contains an @: write %40 for an @ of the user or the password"
        }
        for file in ["sslrootcert", "sslcert", "sslkey", "sslcrl"] {
            if let path = options[file], path != "system", unsafe access(path, R_OK) != 0 {
                return "\(file) names a file that cannot be read"
            }
        }
        // With this option libpq would connect to a real server.
        return options["hostaddr"] == nil ? mistakeAtConnect(text) : nil
    }

    /// A path that is too long for a unix socket. libpq finds it only when it connects, and reports it as if
    /// the server were away.
    private static func mistake(inSocketsOf options: [String: String]) -> String? {
        let ports = (options["port"] ?? "5432").split(separator: ",").map(String.init)
        let port = ports.max { $0.count < $1.count } ?? ""
        let folders = options["host"]?.split(separator: ",").filter { $0.hasPrefix("/") } ?? []
        for folder in folders {
            let path = "\(folder)/.s.PGSQL.\(port)"
            guard path.utf8.count > SocketPath.limit else { continue }
            return "the path of a unix socket may have \(SocketPath.limit) bytes, and the one in "
                + "the folder that host names has \(path.utf8.count)"
        }
        return nil
    }

    /// Whether the string has a password itself.
    package static func hasPassword(_ text: String) -> Bool {
        guard isParsed(text), case .success(let options) = parse(text) else { return false }
        return options["password"] != nil
    }

    private struct Mistake: Error { let text: String }

    /// Whether libpq takes the text for options. It takes any other text for the name of a database.
    private static func isParsed(_ text: String) -> Bool {
        ["postgresql://", "postgres://"].contains { text.hasPrefix($0) } || text.contains("=")
    }

    /// The options that the string has.
    private static func parse(_ text: String) -> Result<[String: String], Mistake> {
        var message: UnsafeMutablePointer<CChar>?
        let options = unsafe PQconninfoParse(text, &message)
        defer {
            unsafe PQconninfoFree(options)
            unsafe PQfreemem(message)
        }
        guard var option = unsafe options else {
            let text = unsafe message.map { unsafe withoutQuotes(String(cString: $0)) }
            return .failure(Mistake(text: text ?? "no memory"))
        }
        var found: [String: String] = [:]
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                unsafe found[String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        return .success(found)
    }

    /// libpq looks at the values of most options, such as sslmode, only when it connects: here to a socket
    /// that is not there.
    private static func mistakeAtConnect(_ text: String) -> String? {
        let nowhere = "/nonexistent/coupond"
        let settings = [("dbname", text), ("host", nowhere), ("port", "5432")]
        let names = unsafe settings.map { unsafe strdup($0.0) }
        let values = unsafe settings.map { unsafe strdup($0.1) }
        defer { unsafe (names + values).forEach { unsafe free($0) } }
        let connection = unsafe PQconnectStartParams(
            names.map { unsafe UnsafePointer($0) } + [nil],
            values.map { unsafe UnsafePointer($0) } + [nil], 1)
        defer { unsafe PQfinish(connection) }
        let message = unsafe String(cString: PQerrorMessage(connection))
        return message.isEmpty || message.contains(nowhere) ? nil : withoutQuotes(message)
    }

    /// The string without its passwords. A text that libpq cannot read is left out as a whole.
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
