/// One setting: what its flag, its variable, its line in the file, messages and docs need to know.

/// A setting whose value is a `Value`.
struct Setting<Value: Sendable>: Sendable {
    /// As in the file, and after `--` on the command line.
    let key: String
    /// Which texts are values.
    let form: Form<Value>
    /// The default, as in the file.
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

/// A setting of any type: what does not depend on the type of its value.
protocol AnySetting: Sendable {
    var key: String { get }
    var fallback: String { get }
    var help: String { get }
    /// The texts that are values, in words.
    var expectation: String { get }
    /// The words that are values; empty if there are too many.
    var words: [String] { get }
    /// Whether its flag has no value: `--allow-unsafe-redis`.
    var isSwitch: Bool { get }
    /// Whether it may be given more than once; the values are joined by commas.
    var isList: Bool { get }
    func accepts(_ text: String) -> Bool
    /// What is wrong with a text, if the expectation does not show it.
    func mistake(in text: String) -> String?
}

extension Setting: AnySetting {
    var expectation: String { form.description }

    var words: [String] { form.words }

    /// A setting that is true by default needs a value to become false.
    var isSwitch: Bool { Value.self == Bool.self && fallback == "false" }

    var isList: Bool { Value.self == [EndpointSetting].self }

    func accepts(_ text: String) -> Bool { form.parse(text) != nil }

    func mistake(in text: String) -> String? { form.mistake(text) }
}

extension AnySetting {
    /// `max-connections` is `COUPOND_MAX_CONNECTIONS`.
    var variable: String {
        Settings.variablePrefix + key.uppercased().replacing("-", with: "_")
    }
}
