/// How the settings say that PostgreSQL is reached.
internal import CouponPostgres

extension PostgresOptions {
    /// Also for `coupond migrate`.
    init(
        _ configuration: Configuration,
        countRefusal: @escaping @Sendable (String) -> Void = { _ in },
        countLoss: @escaping @Sendable () -> Void = {}
    ) {
        self.init(connection: configuration.postgres, applicationName: processName())
        self.countRefusal = countRefusal
        self.countLoss = countLoss
        if let path = configuration.postgresPasswordFile {
            readPassword = {
                String(
                    decoding: try secret(inFile: path, limit: Secrets.passwordLimit), as: UTF8.self)
            }
        }
    }
}
