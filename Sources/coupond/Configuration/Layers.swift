/// The layers that settings come from, the strongest first: sockets that systemd hands over, flags,
/// variables, the file, defaults. Each value knows where it was set.
internal import Configuration
internal import SystemPackage

struct Layers {
    /// The first that has a value wins.
    private let providers: [(provider: any ConfigProvider, origin: Origin)]
    private let inherited: InheritedListeners
    private(set) var problems: [ConfigurationProblem] = []
    /// Variables that look like settings and belong to somebody else.
    let foreignVariables: [String]
    /// Where the values that are not defaults come from, by key: a flag, a variable, or `FILE:LINE`.
    private(set) var origins: [String: String] = [:]

    private enum Origin {
        case flag, variable, file
    }

    /// - Parameters:
    ///   - flags: what the command line has, by key.
    ///   - environment: the process's; every `COUPOND_…` must be known, or somebody else's.
    /// - Throws: ``ConfigurationError`` if the file cannot be used.
    init(flags: [String: String], environment: [String: String]) async throws {
        let variables = environment.filter { $0.key.hasPrefix(Settings.variablePrefix) }
        let known = Settings.all.map(\.variable)
        let others = variables.filter { !known.contains($0.key) }
        foreignVariables = others.filter { ForeignVariables.contains($0.key, value: $0.value) }
            .keys.sorted()
        inherited = InheritedListeners(environment: environment)
        problems = inherited.problems
        problems += others.keys.filter { [foreignVariables] in !foreignVariables.contains($0) }
            .sorted().map { .unknown($0, called: "variable", at: "environment", among: known) }
        let values = flags.map {
            (AbsoluteConfigKey([$0.key]), ConfigValue(.string($0.value), isSecret: false))
        }
        var providers: [(provider: any ConfigProvider, origin: Origin)] = [
            (InMemoryProvider(values: Dictionary(uniqueKeysWithValues: values)), .flag),
            (
                EnvironmentVariablesProvider(environmentVariables: variables)
                    .prefixKeys(with: "coupond"), .variable
            ),
        ]
        let path =
            flags[Settings.table.config.key] ?? environment[Settings.table.config.variable] ?? ""
        if !path.isEmpty {
            do {
                let file = try await FileProvider<LineSnapshot>(
                    parsingOptions: .init(path: path), filePath: FilePath(path))
                providers.append((file, .file))
            } catch let error as ConfigurationError {
                throw ConfigurationError(problems: problems + error.problems)
            } catch {
                throw ConfigurationError(
                    problems: problems + [.init(origin: path, text: "cannot be read: \(error)")])
            }
        }
        self.providers = providers
    }

    /// The text of the highest layer that has one, or the default. A text that is not a value is a problem;
    /// lower layers do not replace it.
    mutating func text(of setting: any AnySetting) -> String {
        precondition(
            setting.accepts(setting.fallback), "the default of \(setting.key) is not valid")
        guard let (text, origin) = given(setting) else { return setting.fallback }
        origins[setting.key] = origin
        guard setting.accepts(text) else {
            // The address of a server may have come with its password.
            let shown = text.contains("@") ? "a text with an @ (not shown)" : "\"\(text)\""
            let hint = suggestion(for: text, among: setting.words).map { "; did you mean \($0)?" }
            let reason =
                "\(setting.key) is \(shown), and must be \(setting.expectation)" + (hint ?? "")
                + (setting.mistake(in: text).map { "; \($0)" } ?? "")
            report(reason, about: setting)
            return setting.fallback
        }
        return text
    }

    /// Adds a problem, with the place of the setting's value.
    mutating func report(_ text: String, about setting: any AnySetting) {
        problems.append(.init(origin: origins[setting.key] ?? "default", text: text))
    }

    /// Adds a problem that has a place of its own, such as a line of another file.
    mutating func report(_ problem: ConfigurationProblem) { problems.append(problem) }

    private func given(_ setting: any AnySetting) -> (text: String, origin: String)? {
        if let text = inherited.text(of: setting) { return (text, InheritedListeners.origin) }
        for (provider, origin) in providers {
            guard
                let result = try? provider.value(
                    forKey: AbsoluteConfigKey([setting.key]), type: .string),
                case .string(let text)? = result.value?.content
            else { continue }
            switch origin {
            case .flag: return (text, "--" + setting.key)
            case .variable: return (text, setting.variable)
            case .file: return (text, result.encodedKey)
            }
        }
        return nil
    }
}
