internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// `couponctl conns …`: the connections of a daemon to its callers.
struct ConnectionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conns", abstract: "Lists and ends the connections of callers.",
        subcommands: [ConnectionList.self, ConnectionKill.self])

    @OptionGroup var global: GlobalOptions
}

/// Whose connections.
struct ConnectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only those of this caller.", valueName: "name"))
    var principal: String?
    @Option(
        help: ArgumentHelp(
            "Only those from this IP address, or unix:/PATH of the daemon.", valueName: "address"))
    var from: String?

    func validate() throws {
        if principal == "" { throw ValidationError("--principal must not be empty") }
        if from == "" { throw ValidationError("--from must not be empty") }
    }
}

/// Connections, the oldest first.
struct ConnectionList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the connections, the oldest first; with --json one a line.",
        discussion: "To continue, name the last id with --after.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var which: ConnectionOptions
    @Option(help: ArgumentHelp("Only connections with an id above this one.", valueName: "id"))
    var after: Int64 = 0
    @Option(help: "How many, at most.") var limit = Limits.defaultConnectionsPerPage

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if after < 0 { throw ValidationError("--after must not be negative") }
    }

    func run() async throws {
        let filter = ConnectionFilter(principal: which.principal, address: which.from)
        try await global.withClient(reading: true) { client in
            try await printPages(
                from: after, limit: limit, asJSON: global.json, header: CallerConnection.header,
                next: { after, left in
                    try await client.connections(
                        filter, after: after, limit: min(left, Limits.connectionsPerPage))
                }, place: \.id, json: \.json, row: \.row)
        }
    }
}

/// Ends connections.
struct ConnectionKill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Ends a connection, or all of a caller or an address, except this one.",
        discussion: """
            Requests in flight are answered first. The callers may connect again: to keep a caller out, \
            revoke it with 'caller revoke'. Exits with 1 if there is no such connection.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var which: ConnectionOptions
    @Argument(help: "The connection's id, as 'conns list' shows it.") var id: Int64?

    func validate() throws {
        if let id, id < 1 { throw ValidationError("an id must be at least 1") }
        if id == nil, which.principal == nil, which.from == nil {
            throw ValidationError("name an id, --principal or --from")
        }
    }

    func run() async throws {
        let filter = ConnectionFilter(id: id, principal: which.principal, address: which.from)
        try await global.withClient { client in
            let count = try await client.endConnections(filter)
            try Output.show(
                .object([("ended", .integer(Int64(count)))]),
                ["ended \(count) connection\(count == 1 ? "" : "s")"], json: global.json)
            if count == 0 { throw CommandExit.negative.code }
        }
    }
}

extension CallerConnection {
    /// The headings of `row`.
    fileprivate static let header = ["ID", "PRINCIPAL", "ADDRESS", "AGE", "IN FLIGHT", "BYTES"]

    /// The cells of one line.
    fileprivate var row: [String] {
        ["\(id)", principal, address, age, "\(inFlight)", "\(heldBytes)"]
    }

    /// In two units at most, such as `3h12m`.
    private var age: String {
        let seconds = ageMilliseconds / 1_000
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3_600: return "\(seconds / 60)m\(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3_600)h\(seconds % 3_600 / 60)m"
        default: return "\(seconds / 86_400)d\(seconds % 86_400 / 3_600)h"
        }
    }

    /// One JSON document.
    fileprivate var json: JSONValue {
        .object([
            ("id", .integer(id)), ("principal", .string(principal)), ("address", .string(address)),
            ("age_ms", .integer(ageMilliseconds)), ("in_flight", .integer(Int64(inFlight))),
            ("held_bytes", .integer(Int64(heldBytes))),
        ])
    }
}
