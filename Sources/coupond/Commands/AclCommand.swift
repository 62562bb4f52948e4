/// `coupond acl`: the least rights that the daemon needs, in the words of Redis and PostgreSQL.
internal import ArgumentParser
internal import CouponPostgres
internal import CouponRedis

struct AclCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acl", abstract: "Print the least rights that coupond needs.",
        subcommands: [Redis.self, Postgres.self])

    struct Redis: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the Redis command that makes the daemon's user.",
            discussion: """
                The settings of the daemon decide what it needs: give the same flags, variables or \
                --config. The name is redis-user, or coupond. Replace PASSWORD.
                """)

        @OptionGroup var options: Options

        func run() async throws {
            let configuration = try await checked(options)
            let rights = RedisRights(
                checkingSettings: !configuration.allowUnsafeRedis,
                waitingForReplicas: configuration.redisWaitReplicas > 0,
                inCluster: configuration.redis.isCluster)
            try answer(
                rights.accessList(
                    user: configuration.redisUser ?? "coupond", password: ">PASSWORD"))
        }
    }

    struct Postgres: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the SQL that makes the owner of the schema and the daemon's role.",
            discussion: """
                Run it in the daemon's database as a superuser, then run coupond migrate as the \
                owner. It may run again.
                """)

        @Option(help: "The role that owns the schema and runs coupond migrate.")
        var owner = "coupon_owner"

        @Option(help: "The role of the daemons.")
        var role = "coupond"

        func validate() throws {
            try checkRoleName(owner)
            try checkRoleName(role)
            if owner == role { throw ValidationError("the owner and the role must differ") }
        }

        func run() throws { try answer(RuntimeRights.script(owner: owner, role: role)) }
    }
}

/// - Throws: `ValidationError` if PostgreSQL would shorten or refuse the name, or a text could hide in it.
func checkRoleName(_ name: String) throws {
    guard name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_.@-]{0,62}/) != nil else {
        throw ValidationError("a role's name has 1 to 63 of the characters A-Z a-z 0-9 _ . @ -")
    }
}
