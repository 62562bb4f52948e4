/// The values of all settings, checked.
internal import CouponCore
internal import CouponPostgres

/// `configuration.maxBatch` is the value of `Settings.maxBatch`.
@dynamicMemberLookup struct Configuration: Sendable {
    /// The text of each value, by key: checked, and parsed again when it is read.
    private let texts: [String: String]
    /// Where each value comes from, by key; a default has no entry.
    private let origins: [String: String]
    /// Variables that begin with `COUPOND_` and belong to somebody else.
    let foreignVariables: [String]

    /// - Parameters:
    ///   - flags: what the command line has, by key.
    ///   - environment: the process's.
    /// - Throws: ``ConfigurationError`` with all mistakes.
    init(flags: [String: String], environment: [String: String]) async throws {
        var layers = try await Layers(flags: flags, environment: environment)
        texts = Settings.all.reduce(into: [:]) { $0[$1.key] = layers.text(of: $1) }
        foreignVariables = layers.foreignVariables
        origins = layers.origins
        checkTogether(&layers)
        guard layers.problems.isEmpty else { throw ConfigurationError(problems: layers.problems) }
    }

    subscript<Value>(dynamicMember setting: KeyPath<Settings, Setting<Value>>) -> Value {
        let setting = Settings.table[keyPath: setting]
        guard let value = setting.form.parse(texts[setting.key] ?? setting.fallback) else {
            preconditionFailure("\(setting.key) was not checked")
        }
        return value
    }

    /// A file with all values: above each is where it comes from. Passwords are left out.
    var asFile: String {
        Settings.inFile.map { setting in
            let text = texts[setting.key] ?? setting.fallback
            let shown =
                setting.key == Settings.table.postgres.key
                ? ConnectionString.withoutSecrets(text) : text
            let line = shown.isEmpty ? "\(setting.key) =" : "\(setting.key) = \(shown)"
            return "# \(origins[setting.key] ?? "default")".safeForTerminal + "\n"
                + line.safeForTerminal
        }.joined(separator: "\n")
    }

    /// A mistake that is found later, with the place of the setting's value.
    func problem(_ text: String, about setting: any AnySetting) -> ConfigurationProblem {
        .init(origin: origins[setting.key] ?? "default", text: text)
    }

    /// Finds mistakes that no setting has alone.
    private func checkTogether(_ layers: inout Layers) {
        let settings = Settings.table
        if self.backlogPerCoupon > self.backlogPerPartition {
            layers.report(
                "backlog-per-coupon is \(self.backlogPerCoupon), more than backlog-per-partition, "
                    + "\(self.backlogPerPartition)",
                about: settings.backlogPerCoupon)
        }
        if self.redisUser != nil && self.redisPasswordFile == nil {
            layers.report("redis-user needs redis-password-file", about: settings.redisUser)
        }
        if let mistake = ConnectionString.mistake(in: self.postgres) {
            layers.report(
                "postgres is not a connection string that libpq can read: \(mistake)",
                about: settings.postgres)
        }
        checkAddresses(&layers)
        checkExposure(&layers)
        checkTLS(&layers)
        check(settings.redisPasswordFile, limit: Secrets.passwordLimit, &layers)
        check(settings.adminTokenFile, limit: Limits.maximumTokenBytes, &layers)
    }

    private func check(
        _ setting: Setting<String?>, limit: Int, _ layers: inout Layers
    ) {
        guard let path = setting.form.parse(texts[setting.key] ?? "") ?? nil else { return }
        do throws(SecretError) {
            _ = try secret(inFile: path, limit: limit)
        } catch {
            layers.report("\(setting.key): \(error)", about: setting)
        }
    }
}
