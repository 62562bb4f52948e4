/// The callers file: one principal a line, `name key=value …`. A line that begins with `#` is a comment.
///
/// A file with any mistake is refused as a whole, with all its mistakes.

/// What a callers file says.
public struct CallersFile: Sendable {
    /// The largest file, in bytes: a full one has some 400 bytes for each principal.
    public static let maximumBytes = 4 << 20
    /// The most principals that a file may have.
    public static let maximumPrincipals = 10_000
    /// The most tokens of one principal: the old and the new one, while they are exchanged.
    public static let maximumTokens = 2

    /// One principal, and its proofs.
    public struct Entry: Equatable, Sendable {
        /// The number of its line in the file, from 1.
        public let line: Int
        /// The principal.
        public var principal: Principal
        /// Any one of them is enough; empty for `anonymous`.
        public var proofs: [Proof]
    }

    /// In the order of the file.
    public let entries: [Entry]

    /// - Throws: all mistakes of the text.
    public init(_ bytes: [UInt8]) throws(CallersFileError) {
        guard bytes.count <= Self.maximumBytes else {
            throw CallersFileError("has more than \(Self.maximumBytes) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CallersFileError("is not UTF-8 text")
        }
        var reader = CallersReader()
        for (index, line) in text.callersLines.enumerated() { reader.read(line, number: index + 1) }
        guard reader.problems.isEmpty else { throw CallersFileError(problems: reader.problems) }
        entries = reader.entries
    }
}

extension String {
    /// The lines of a callers file, without a byte order mark; "\r\n" is one line end.
    var callersLines: [Substring] {
        (hasPrefix("\u{FEFF}") ? dropFirst() : self[...])
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    }
}

/// One mistake of a callers file. It quotes no token.
public struct CallersProblem: Equatable, Sendable {
    /// From 1; nil if the file as a whole is wrong.
    public let line: Int?
    /// What is wrong, and what to do.
    public let text: String
}

/// A callers file that cannot be used.
public struct CallersFileError: Error, Equatable, Sendable {
    /// All mistakes, in the order of the lines.
    public let problems: [CallersProblem]

    init(problems: [CallersProblem]) { self.problems = problems }

    init(_ text: String) { problems = [CallersProblem(line: nil, text: text)] }

    /// A mistake for each line, with its place: `PATH:3: …`.
    public func lines(path: String) -> [String] {
        problems.map { problem in
            problem.line.map { "\(path):\($0): \(problem.text)" } ?? "\(path) \(problem.text)"
        }
    }

    /// The first mistakes in one line, and how many more there are.
    public func summary(path: String) -> String {
        let shown = lines(path: path).prefix(5)
        let more = problems.count - shown.count
        return shown.joined(separator: "; ") + (more > 0 ? "; and \(more) more mistakes" : "")
    }
}

/// Reads the lines of a callers file one after the other, and remembers what must be there only once.
struct CallersReader {
    private(set) var entries: [CallersFile.Entry] = []
    private(set) var problems: [CallersProblem] = []
    private var lineOfName: [String: Int] = [:]
    private var lineOfProof: [Proof: Int] = [:]

    mutating func read(_ line: Substring, number: Int) {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard let first = words.first, !first.hasPrefix("#") else { return }
        func report(_ text: String) { problems.append(CallersProblem(line: number, text: text)) }

        guard let name = CallersLine.name(first) else {
            return report(
                "a line begins with a principal's name: 1 to 64 letters, digits, dots, dashes or "
                    + "underscores")
        }
        var fields = CallersLine(name: name)
        for word in words.dropFirst() { fields.read(word) }
        fields.check()
        if let other = lineOfName[name] {
            fields.report("\(name) is already in line \(other)")
        }
        lineOfName[name] = lineOfName[name] ?? number
        for proof in fields.proofs {
            if let other = lineOfProof[proof] {
                fields.report(
                    "\(proof.key) is already in line \(other): it must name one principal")
            }
            lineOfProof[proof] = number
        }
        if entries.count == CallersFile.maximumPrincipals {
            fields.report(
                "more than \(CallersFile.maximumPrincipals) principals: use several daemons")
        }
        for problem in fields.problems { report(problem) }
        entries.append(
            CallersFile.Entry(line: number, principal: fields.principal, proofs: fields.proofs))
    }
}

extension Proof {
    /// Its key in the file.
    var key: String { String(description.prefix { $0 != "=" }) }
}
