/// The command line: a flag for each setting of the table.
internal import ArgumentParser

/// ArgumentParser finds a type's flags by reflection, so the reflection of this type is the table.
struct Options: ParsableArguments, CustomReflectable {
    /// The values that were given, by the key of the setting.
    let flags: [String: String]

    init() { flags = [:] }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: SettingKey.self)
        flags = try Settings.all.reduce(into: [:]) { flags, setting in
            let key = SettingKey(stringValue: setting.key)
            if setting.isSwitch {
                let isGiven = try values.decode(Flag<Bool>.self, forKey: key).wrappedValue
                flags[setting.key] = isGiven ? "true" : nil
            } else if setting.isList {
                let texts = try values.decode(Option<[String]>.self, forKey: key).wrappedValue
                flags[setting.key] = texts.isEmpty ? nil : texts.joined(separator: ",")
            } else {
                flags[setting.key] =
                    try values.decode(Option<String?>.self, forKey: key).wrappedValue
            }
        }
    }

    var customMirror: Mirror {
        Mirror(self, children: Settings.all.map { (label: $0.key, value: $0.argument) })
    }
}

private struct SettingKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init(stringValue: String) { self.stringValue = stringValue }

    init?(intValue: Int) { nil }
}

extension AnySetting {
    fileprivate var argument: Any {
        let name = NameSpecification.customLong(key)
        let fallback = fallback.isEmpty ? "" : " (default: \(fallback))"
        let help = ArgumentHelp("\(help): \(expectation)\(fallback).", valueName: "value")
        if isSwitch { return Flag(wrappedValue: false, name: name, help: help) }
        return isList
            ? Option<[String]>(wrappedValue: [], name: name, help: help)
            : Option<String?>(name: name, help: help)
    }
}
