internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// A change of title, total or window.
struct CouponUpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes title, total or window; what is absent stays.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its id.") var id: CouponID
    @Option(help: "A new name.") var title: String?
    @Option(help: "A new total; not below what is taken.") var total: Int64?
    @Flag(help: "Takes the total away.") var unlimited = false
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
            title: title, total: newTotal, opens: opens?.resolved(now: now),
            closes: closes?.resolved(now: now))
        try await global.withClient { client in
            let coupon = try await client.update(id, change)
            show(coupon.json, Table.fields(coupon.fields), json: global.json)
        }
    }
}

/// A change of state, which needs no more than the coupon's id.
struct CouponStateChange<Change: StateChange>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: Change.name, abstract: Change.abstract)
    }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its id.") var id: CouponID

    func run() async throws {
        try await global.withClient { client in
            let coupon = try await Change.make(id, client)
            show(coupon.json, Table.fields(coupon.fields), json: global.json)
        }
    }
}

/// What tells one change of state from another.
protocol StateChange {
    static var name: String { get }
    static var abstract: String { get }
    static func make(_ id: CouponID, _ client: CouponClient) async throws -> Coupon
}

enum Pause: StateChange {
    static let name = "pause"
    static let abstract = "Refuses requests until resumed."
    static func make(_ id: CouponID, _ client: CouponClient) async throws -> Coupon {
        try await client.pause(id)
    }
}

enum Resume: StateChange {
    static let name = "resume"
    static let abstract = "Takes requests again."
    static func make(_ id: CouponID, _ client: CouponClient) async throws -> Coupon {
        try await client.resume(id)
    }
}

enum Close: StateChange {
    static let name = "close"
    static let abstract = "Refuses requests for good."
    static func make(_ id: CouponID, _ client: CouponClient) async throws -> Coupon {
        try await client.close(id)
    }
}
