/// The values of all settings, checked.
internal import CouponAccess
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis

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

    /// The keys of the settings whose values differ from those in another configuration.
    func changes(from other: Configuration) -> [String] {
        Settings.all.map(\.key).filter { texts[$0] != other.texts[$0] }
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
        if self.postgresPasswordFile != nil && ConnectionString.hasPassword(self.postgres) {
            layers.report(
                "postgres has a password already", about: settings.postgresPasswordFile)
        }
        if self.redis.seeds == nil && texts[settings.redisAddressMap.key]?.isEmpty == false {
            layers.report(
                "redis-address-map needs a redis that begins with cluster: or sentinel:",
                about: settings.redisAddressMap)
        }
        checkAddresses(&layers)
        checkExposure(&layers)
        checkTLS(&layers)
        checkRedisTLS(&layers)
        do throws(FileMistake) {
            _ = try RedisCredentials(self)
        } catch {
            layers.report("\(error)", about: error.setting)
        }
        check(settings.postgresPasswordFile, limit: Secrets.passwordLimit, &layers)
        checkAdminToken(&layers)
        checkCallers(&layers)
    }

    private func checkAdminToken(_ layers: inout Layers) {
        guard let path = self.adminTokenFile else { return }
        do throws(SecretError) {
            _ = try checkedAdminToken(inFile: path)
        } catch {
            layers.report("admin-token-file: \(error)", about: Settings.table.adminTokenFile)
        }
    }

    private func checkCallers(_ layers: inout Layers) {
        guard let path = self.callersFile else { return }
        do throws(CallersFileError) {
            checkAnonymous(Callers(try CallersFile(path: path)).anonymous, &layers)
        } catch {
            for problem in error.problems {
                guard let line = problem.line else {
                    layers.report(
                        "callers-file: \(path) \(problem.text)", about: Settings.table.callersFile)
                    continue
                }
                layers.report(.init(origin: "\(path):\(line)", text: problem.text))
            }
        }
    }

    private func checkRedisTLS(_ layers: inout Layers) {
        let settings = Settings.table
        guard self.redisTLS else {
            for setting in [
                settings.redisTLSCA, settings.redisTLSCertificate, settings.redisTLSKey,
                settings.redisTLSServerName,
            ] where texts[setting.key] != setting.fallback {
                layers.report("\(setting.key) needs redis-tls", about: setting)
            }
            return
        }
        if self.redis.isUnixSocket {
            layers.report("redis-tls needs a redis of the form host:port", about: settings.redis)
        }
        if let name = self.redisTLSServerName, RedisTLS.isAddress(name), name != self.redis.host,
            !self.redis.isUnixSocket
        {
            layers.report(
                "redis-tls-server-name must be a name, or the IP address in redis",
                about: settings.redisTLSServerName)
        }
        switch (self.redisTLSCertificate, self.redisTLSKey) {
        case (_?, nil):
            layers.report(
                "redis-tls-certificate needs redis-tls-key", about: settings.redisTLSCertificate)
        case (nil, _?):
            layers.report("redis-tls-key needs redis-tls-certificate", about: settings.redisTLSKey)
        default: break
        }
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
