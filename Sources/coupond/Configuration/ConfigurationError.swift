/// All mistakes of a configuration.
internal import CouponCore

/// One mistake.
struct ConfigurationProblem: Equatable, Sendable, CustomStringConvertible {
    /// Where to look: `FILE:LINE`, a variable's name, or a flag.
    let origin: String
    let text: String

    var description: String { "\(origin): \(text)".safeForTerminal }

    static func unknown(
        _ name: String, called kind: String, at origin: String, among known: [String]
    ) -> Self {
        // A line without a key may be a password, or a connection string with one.
        guard name.wholeMatch(of: /[A-Za-z0-9_.-]{1,64}/) != nil else {
            return Self(origin: origin, text: "the \(kind) is not known")
        }
        let hint = suggestion(for: name, among: known).map { "; did you mean \($0)?" } ?? ""
        return Self(origin: origin, text: "unknown \(kind) \(name)\(hint)")
    }
}

/// The configuration cannot be used.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    let problems: [ConfigurationProblem]

    var description: String { problems.map(\.description).joined(separator: "\n") }
}
