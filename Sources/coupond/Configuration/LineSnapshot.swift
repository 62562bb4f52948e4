/// The format of the file, for swift-configuration: one `key = value` on each line. A line that begins with
/// `#` is a comment.
///
/// The library's own formats do not say where a value is, ignore unknown keys, and use a default for a value
/// that does not fit. Here each value knows its line.
internal import Configuration

struct LineSnapshot: FileConfigSnapshot {
    /// The file's name, for messages.
    struct ParsingOptions: FileParsingOptions {
        let path: String
        static let `default` = ParsingOptions(path: "configuration")
    }

    private struct Entry {
        let value: String
        let origin: String
    }

    let providerName: String
    private var entries: [String: Entry] = [:]

    /// - Throws: ``ConfigurationError`` with each line that is not `key = value`, has an unknown key, or
    ///   repeats a key that may have one value only.
    init(data: RawSpan, providerName: String, parsingOptions: ParsingOptions) throws {
        self.providerName = providerName
        let text = unsafe data.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
        guard let text else {
            let problem = ConfigurationProblem(origin: parsingOptions.path, text: "not UTF-8")
            throw ConfigurationError(problems: [problem])
        }
        var problems: [ConfigurationProblem] = []
        // Not split by "\n": "\r\n" is one character. Windows editors begin a file with a byte order mark.
        let lines = (text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...])
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let origin = "\(parsingOptions.path):\(index + 1)"
            if let problem = add(line, at: origin) { problems.append(problem) }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
    }

    private mutating func add(_ line: Substring, at origin: String) -> ConfigurationProblem? {
        let line = line.trimmed
        if line.isEmpty || line.hasPrefix("#") { return nil }
        // libpq stops at a zero byte, and terminals act on other control characters.
        guard !line.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" }) else {
            return .init(origin: origin, text: "has a control character")
        }
        guard let equals = line.firstIndex(of: "=") else {
            return .init(origin: origin, text: "not of the form key = value")
        }
        let key = String(line[..<equals].trimmed)
        guard let setting = Settings.inFile.first(where: { $0.key == key }) else {
            return .unknown(
                key, called: "key", at: origin, among: Settings.inFile.map(\.key))
        }
        let value = String(line[line.index(after: equals)...].trimmed)
        if let first = entries[key] {
            guard setting.isList else {
                return .init(origin: origin, text: "\(key) is already set at \(first.origin)")
            }
            entries[key] = Entry(value: first.value + "," + value, origin: first.origin)
            return nil
        }
        entries[key] = Entry(value: value, origin: origin)
        return nil
    }

    /// Returns the value's place in the file as its encoded key, for messages.
    func value(forKey key: AbsoluteConfigKey, type: ConfigType) -> LookupResult {
        guard let name = key.components.last, let entry = entries[name] else {
            return LookupResult(encodedKey: key.description, value: nil)
        }
        return LookupResult(
            encodedKey: entry.origin, value: ConfigValue(.string(entry.value), isSecret: false))
    }

    var description: String { "\(providerName)[\(entries.count) values]" }
    var debugDescription: String { description }
}

extension Substring {
    /// Without spaces, tabs and a carriage return at both ends.
    fileprivate var trimmed: Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
