internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import NIOCore

/// `couponctl gate …`: what an operator does to a partition's gate.
struct GateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate", abstract: "Looks after the gates in Redis.",
        subcommands: [GateRebuild.self])

    @OptionGroup var global: GlobalOptions
}

/// Rebuilds a gate.
struct GateRebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Rebuilds a partition's gate from the tables and the queue.",
        discussion: "The partition of a coupon is its id modulo the number of partitions.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The partition, from 0 on.") var partition: Int

    func validate() throws {
        guard (0..<Limits.maximumPartitions).contains(partition) else {
            throw ValidationError("a partition must be 0 to \(Limits.maximumPartitions - 1)")
        }
    }

    func run() async throws {
        try await global.withClient { client in
            // A gate of many holders takes its time.
            let deadline = TimeAmount.milliseconds(Int64(Limits.maximumDeadlineMilliseconds))
            let epoch = try await client.rebuildGate(PartitionID(partition), deadline: deadline)
            let fields = [("partition", "\(partition)"), ("epoch", "\(epoch)")]
            try Output.show(
                .object([("partition", .integer(Int64(partition))), ("epoch", .integer(epoch))]),
                Table.fields(fields), json: global.json)
        }
    }
}
