/// How to reach PostgreSQL, as the settings say.
internal import CouponPostgres

extension PostgresOptions {
    /// `coupond migrate` uses these too.
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
