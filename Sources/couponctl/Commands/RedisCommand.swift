internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// `couponctl redis …`: which Redis the partitions may go to.
struct RedisCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis", abstract: "Looks after the Redis that the partitions are in.",
        subcommands: [RedisAdopt.self])

    @OptionGroup var global: GlobalOptions
}

/// Accepts a Redis of a lower term.
struct RedisAdopt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "Lets the partitions go to a new cluster, which has lower terms.",
        discussion: """
            A term rises with each failover. A daemon leaves a Redis alone if its term is lower than \
            that of the last one, because it may be an old master that is cut off. Use this command \
            only if the last one is gone for good, for example after a new cluster was made.
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withClient { client in
            let partitions = try await client.adoptRedis()
            try Output.show(
                .object([("partitions", .integer(Int64(partitions)))]),
                Table.fields([("partitions", "\(partitions)")]), json: global.json)
        }
    }
}
