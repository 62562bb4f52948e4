/// Named daemons: values for options of couponctl that a command line does not give. Reads and writes their
/// text.
internal import CouponCore

struct Contexts: Equatable {
    /// What a context may say: the name of each option, without its dashes.
    static let keys = [
        "address", "metrics-address", "caller-token-file", "token-file", "tls", "tls-ca",
        "tls-certificate", "tls-key", "tls-server-name",
    ]

    /// The options of each context, by its name.
    private(set) var all: [String: [String: String]] = [:]
    /// The context that is used if none is named; nil if there is none.
    private(set) var current: String?

    /// Why a text is not a file of contexts.
    struct Mistake: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    init() {}

    /// - Parameter text: `current = NAME`, and for each context `[NAME]` with lines `key = value` below it.
    init(_ text: String) throws(Mistake) {
        var name: String?
        for (index, line) in TextFile.lines(of: text).enumerated() {
            let line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                name = String(line.dropFirst().dropLast())
                all[name ?? ""] = [:]
                continue
            }
            guard let equals = line.firstIndex(of: "=") else {
                throw Mistake(description: "line \(index + 1) is neither [NAME] nor KEY = VALUE")
            }
            let key = String(line[..<equals].trimmed)
            let value = String(line[line.index(after: equals)...].trimmed)
            if let name, Self.keys.contains(key) {
                all[name]?[key] = value
            } else if name == nil, key == "current" {
                current = value
            } else {
                throw Mistake(description: "line \(index + 1): unknown key \(key)")
            }
        }
    }

    /// The contexts as the text of a file.
    var text: String {
        let head = current.map { "current = \($0)\n" } ?? ""
        let parts = all.sorted { $0.key < $1.key }.map { name, options in
            "\n[\(name)]\n"
                + Self.keys.compactMap { key in options[key].map { "\(key) = \($0)\n" } }.joined()
        }
        return head + parts.joined()
    }

    /// Adds a context, or replaces it. The first one is current.
    mutating func add(_ name: String, _ options: [String: String]) {
        all[name] = options
        current = current ?? name
    }

    /// False if there is no such context.
    mutating func use(_ name: String) -> Bool {
        guard all[name] != nil else { return false }
        current = name
        return true
    }

    /// False if there is no such context.
    mutating func remove(_ name: String) -> Bool {
        guard all.removeValue(forKey: name) != nil else { return false }
        if current == name { current = nil }
        return true
    }

    /// The variables that say the same as the options of a context; nil if there is no such context.
    func variables(of name: String) -> [String: String]? {
        all[name].map { options in
            Dictionary(
                uniqueKeysWithValues: options.map {
                    ("COUPONCTL_" + $0.key.uppercased().replacing("-", with: "_"), $0.value)
                })
        }
    }

    /// Whether a name can be written into the file.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
}

extension StringProtocol {
    /// Without blanks at both ends.
    fileprivate var trimmed: SubSequence {
        func isBlank(_ character: Character) -> Bool {
            character == " " || character == "\t" || character == "\r"
        }
        let start = self.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return start.prefix(0) }
        return start[...last]
    }
}
