/// Mistakes in a connection string that libpq finds without a server.
internal import CLibpq

package enum ConnectionString {
    /// What is wrong, without any part of the string: it may hold a password. Nil if libpq can read it.
    package static func mistake(in text: String) -> String? {
        // As libpq: any other text is the name of a database.
        let isParsed = ["postgresql://", "postgres://"].contains { text.hasPrefix($0) }
        guard isParsed || text.contains("=") else { return nil }
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
