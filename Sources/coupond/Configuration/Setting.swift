/// One thing an operator may set: everything that flags, variables, file, messages and docs say of it.

/// A setting whose value is a `Value`.
struct Setting<Value: Sendable>: Sendable {
    /// As in the file, and after `--` on the command line.
    let key: String
    /// What it may be, and how it is read.
    let form: Form<Value>
    /// The default, as it would stand in the file.
    let fallback: String
    /// One sentence, without a full stop.
    let help: String

    init(_ key: String, _ form: Form<Value>, _ fallback: String, _ help: String) {
        self.key = key
        self.form = form
        self.fallback = fallback
        self.help = help
    }
}

/// A setting of any type: what the tables of keys and the docs need.
protocol AnySetting: Sendable {
    var key: String { get }
    var fallback: String { get }
    var help: String { get }
    /// What a value may be, for people.
    var expectation: String { get }
    /// Whether `text` is a value.
    func accepts(_ text: String) -> Bool
}

extension Setting: AnySetting {
    var expectation: String { form.description }

    func accepts(_ text: String) -> Bool { form.parse(text) != nil }
}

extension AnySetting {
    /// `max-connections` is `COUPOND_MAX_CONNECTIONS`.
    var variable: String {
        Settings.variablePrefix + key.uppercased().replacing("-", with: "_")
    }
}
