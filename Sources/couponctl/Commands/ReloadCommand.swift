internal import ArgumentParser
internal import CouponClient

/// Does what SIGHUP does, over the network.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract:
            "Drops the daemon's local caches, and reads its admin token and callers file again.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withClient { client in
            try await client.reload()
            try Output.show(.object([("reloaded", .bool(true))]), ["reloaded"], json: global.json)
        }
    }
}
