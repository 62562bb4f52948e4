internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import FoundationEssentials
internal import Glibc

/// What a daemon does, live.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows what a daemon does each second, until it is interrupted.",
        discussion: """
            On a terminal it fills the screen; elsewhere it writes a line for each look. With --json \
            it writes what the daemon says at /status.json. It asks at the daemon's metrics-listen.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(
        help: ArgumentHelp(
            "The daemon's metrics-listen. Else COUPONCTL_METRICS_ADDRESS, else 127.0.0.1:7071.",
            valueName: "address"))
    var metricsAddress: String?
    @Option(help: "The time between two looks: 500ms, 2s.")
    var every = TimeSpan(milliseconds: 1_000)
    @Option(help: "How many looks; without end if absent.") var looks: Int?

    func validate() throws {
        if every.milliseconds < 100 { throw ValidationError("--every must be at least 100ms") }
        if let looks, looks < 1 { throw ValidationError("--looks must be at least 1") }
    }

    func run() async throws {
        let variables = try global.variables()
        let text = metricsAddress ?? variables["COUPONCTL_METRICS_ADDRESS"] ?? "127.0.0.1:7071"
        guard let address = ServerAddress(text) else {
            throw ValidationError("'\(text)' is not an address: write HOST:PORT")
        }
        let token = try global.clientConfiguration().callerToken
        do {
            try await watch(address, token, TerminalStyle(variables))
        } catch let error as StatusFetch.Failed {
            standardError("couponctl: \(error.reason.safeForTerminal)\n")
            throw CommandExit.unavailable.code
        } catch let error as OutputLost {
            throw error.reported()
        }
    }

    private func watch(
        _ address: ServerAddress, _ token: [UInt8], _ style: TerminalStyle
    ) async throws {
        let screen = TopScreen(address: "\(address)", isColoured: style.isColoured)
        var before: StatusDocument?
        for look in 1...(looks ?? .max) {
            let body = try await StatusFetch.body(
                of: "/status.json", at: address, token: token)
            if global.json {
                try Output.write([String(decoding: body, as: UTF8.self)])
            } else {
                let now = try Self.document(body, address)
                try show(now, since: before, on: screen, style)
                before = now
            }
            if look != looks { try await Output.pause(every) }
        }
    }

    private static func document(
        _ body: [UInt8], _ address: ServerAddress
    ) throws(StatusFetch.Failed) -> StatusDocument {
        do {
            return try JSONDecoder().decode(StatusDocument.self, from: Data(body))
        } catch {
            throw StatusFetch.Failed(
                reason: "\(address) is not a coupond of this version: its answer has another form")
        }
    }

    private func show(
        _ now: StatusDocument, since before: StatusDocument?, on screen: TopScreen,
        _ style: TerminalStyle
    ) throws(OutputLost) {
        guard style.isTerminal else {
            return try Output.write([TopScreen.plain(now, since: before)])
        }
        let lines = screen.lines(now, since: before, in: TerminalStyle.size)
        // Begins at the top left: each line clears the rest of its row, and the last one clears what is below
        // it.
        let text = lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
        try Output.write("\u{1B}[H" + text + "\u{1B}[J")
    }
}
