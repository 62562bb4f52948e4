internal import ArgumentParser
internal import CouponClient

/// Does what SIGHUP does, over the network.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract:
            "Empties the daemon's front doors, and reads its settings and their files again.",
        discussion: """
            All or nothing: after a mistake the daemon keeps what it has. The answer names the settings \
            that have changed, and those that need a restart.
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withClient { client in
            let report = try await client.reload()
            try Output.show(
                .object([
                    ("reloaded", .bool(true)),
                    ("changed", .array(report.changed.map(JSONValue.string))),
                    ("needs_restart", .array(report.needsRestart.map(JSONValue.string))),
                ]), ["\(report)"], json: global.json)
        }
    }
}
