internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// `couponctl coupon …`: the admin role.
struct CouponCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coupon", abstract: "Creates, shows and changes coupons.",
        subcommands: commands)

    private static var commands: [any ParsableCommand.Type] {
        let own: [any ParsableCommand.Type] = [
            CouponCreate.self, CouponGet.self, CouponList.self, CouponIssues.self,
            CouponUpdateCommand.self,
        ]
        return own + CouponStates.commands
    }

    @OptionGroup var global: GlobalOptions
}

/// A new coupon.
struct CouponCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Creates a coupon, or all coupons of a file.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "Its id, positive.") var id: CouponID?
    @Option(help: "A short name for people.") var title: String?
    @Option(help: "How many may be issued; unlimited if absent.") var total: Int64?
    @Option(help: "When it opens: RFC 3339, now, +1h.") var opens = Moment.fromNow(milliseconds: 0)
    @Option(help: "When it closes: RFC 3339, +1h, never; 2255-06-05 at the latest.")
    var closes = Moment.never
    @Option(
        help: ArgumentHelp(
            "Coupons as JSON, one a line, as coupon list --json prints them; - is standard input.",
            valueName: "path"))
    var file: String?

    @Flag(help: "Only checks whether it could be created, and shows it as it would be.")
    var dryRun = false

    func validate() throws {
        if file == nil, id == nil || title == nil {
            throw ValidationError("name --id and --title, or --file")
        }
        if file != nil, id != nil || title != nil || total != nil {
            throw ValidationError(
                "--file names the coupons: leave out --id, --title and --total")
        }
        if file != nil, dryRun { throw ValidationError("--dry-run is for one coupon, not a file") }
    }

    func run() async throws {
        if let file { return try await create(file) }
        guard let id, let title else { throw CommandExit.usage.code }
        let now = Timestamp.now
        let window = Window(
            opens: try opens.resolved(now: now, for: "--opens"),
            closes: try closes.resolved(now: now, for: "--closes"))
        let coupon = Coupon(id: id, title: title, total: total, window: window)
        if dryRun { try check(coupon) }
        try await global.withClient(reading: dryRun) { client in
            if dryRun { try await refuseTaken(id, client) }
            let created = dryRun ? coupon : try await client.create(coupon)
            try Output.show(created.json, Table.fields(created.fields), json: global.json)
        }
    }
}

extension CouponCreate {
    /// Creates the coupons of a file in their order, and ends at the first one that coupond refuses. The
    /// whole file is read before.
    private func create(_ path: String) async throws {
        let coupons = try CouponFile.coupons(in: try CouponFile.text(of: path, "--file"), now: .now)
        try await global.withClient { client in
            for coupon in coupons {
                let created: Coupon
                do throws(ClientError) {
                    created = try await client.create(coupon)
                } catch {
                    standardError(
                        "couponctl: the coupons of the file before \(coupon.id.rawValue) are created\n"
                    )
                    throw error
                }
                let id = created.id.rawValue
                try Output.write([global.json ? "\(created.json)" : "created coupon \(id)"])
            }
        }
    }

    /// What the daemon would refuse for the coupon itself.
    private func check(_ coupon: Coupon) throws {
        if coupon.title.isEmpty || coupon.title.utf8.count > Limits.maximumTitleBytes {
            throw ValidationError("--title must have 1 to \(Limits.maximumTitleBytes) bytes")
        }
        if let fault = coupon.fault(after: coupon) { throw ValidationError(fault) }
    }

    private func refuseTaken(_ id: CouponID, _ client: CouponClient) async throws {
        do throws(ClientError) {
            _ = try await client.coupon(id)
        } catch {
            guard case .refused(let failure) = error, failure.code == .notFound else { throw error }
            return
        }
        standardError("couponctl: coupon \(id.rawValue) exists already\n")
        throw CommandExit.negative.code
    }
}

/// A change of title, total or window.
struct CouponUpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes title, total or window; what is absent stays.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its id.", completion: .couponIDs) var id: CouponID
    @Option(help: "A new name.") var title: String?
    @Option(help: "A new total; at least as many as are accepted.") var total: Int64?
    @Flag(help: "Removes the total.") var unlimited = false
    @Option(help: "When it opens: RFC 3339, now, +1h.") var opens: Moment?
    @Option(help: "When it closes: RFC 3339, now, +1h.") var closes: Moment?

    func validate() throws {
        if total != nil, unlimited {
            throw ValidationError("--total and --unlimited contradict each other")
        }
        if title == nil, total == nil, !unlimited, opens == nil, closes == nil {
            throw ValidationError("nothing to change: name one of --title, --total, --opens, …")
        }
    }

    func run() async throws {
        let now = Timestamp.now
        let newTotal: Int64?? = unlimited ? .some(nil) : total.map { .some($0) }
        let change = CouponChange(
            title: title, total: newTotal, opens: try opens?.resolved(now: now, for: "--opens"),
            closes: try closes?.resolved(now: now, for: "--closes"))
        try await global.withClient { client in
            let coupon = try await client.update(id, change)
            try Output.show(coupon.json, Table.fields(coupon.fields), json: global.json)
        }
    }
}

/// One coupon.
struct CouponGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one coupon.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its id.", completion: .couponIDs) var id: CouponID

    func run() async throws {
        try await global.withClient(reading: true) { client in
            let coupon = try await client.coupon(id)
            try Output.show(coupon.json, Table.fields(coupon.fields), json: global.json)
        }
    }
}

/// All coupons, page by page.
struct CouponList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the coupons by id; with --json one a line.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Lists the archived coupons, and no others.") var archived = false

    func run() async throws {
        try await global.withClient(reading: true) { client in
            var table = Table(header: Coupon.header)
            try await client.forEachPage(archived: archived) { page in
                if global.json {
                    try Output.write(page.map(\.json.description))
                } else {
                    table.rows += page.map(\.row)
                }
            }
            if !global.json { try Output.write(table.lines) }
        }
    }
}

extension CouponClient {
    /// Visits all coupons, by id, the archived ones or the others; each page begins after the last coupon of
    /// the one before.
    func forEachPage(
        archived: Bool = false, _ visit: ([Coupon]) async throws -> Void
    ) async throws {
        var last = CouponID(0)
        while true {
            let page = try await coupons(after: last, archived: archived)
            guard let end = page.last else { return }
            try await visit(page)
            last = end.id
        }
    }
}
