internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// Whether the daemon can accept requests, for probes of containers and load balancers.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Says whether coupond can accept requests now: exit code 0, or 69 if it cannot.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withClient(reading: true) { client in
            let reason = try await client.health()
            try Output.show(
                .object([
                    ("ready", .bool(reason == nil)), ("reason", .string(reason ?? "")),
                ]), [reason.map { "not ready: \($0)".safeForTerminal } ?? "ready"],
                json: global.json)
            if reason != nil { throw CommandExit.unavailable.code }
        }
    }
}
