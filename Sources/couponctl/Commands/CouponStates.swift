internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// The subcommands of `couponctl coupon` that change a coupon's state.
enum CouponStates {
    static var commands: [any ParsableCommand.Type] {
        [
            CouponStateChange<Pause>.self, CouponStateChange<Resume>.self,
            CouponStateChange<Close>.self, CouponStateChange<Delete>.self,
            CouponStateChange<Archive>.self, CouponStateChange<Unarchive>.self,
        ]
    }
}

/// A change of state, which needs no more than the coupon's id.
struct CouponStateChange<Change: StateChange>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: Change.name, abstract: Change.abstract)
    }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its id.", completion: .couponIDs) var id: CouponID

    func run() async throws {
        try await global.withClient { client in
            let coupon = try await Change.make(id, client)
            try Output.show(coupon.json, Table.fields(coupon.fields), json: global.json)
        }
    }
}

/// One change of state.
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
    static let abstract = "Accepts requests again."
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

enum Delete: StateChange {
    static let name = "delete"
    static let abstract =
        "Deletes a closed coupon that has no decided request, for good: its id is never used again."
    static func make(_ id: CouponID, _ client: CouponClient) async throws -> Coupon {
        try await client.delete(id)
    }
}

enum Archive: StateChange {
    static let name = "archive"
    static let abstract = "Takes a closed coupon out of the lists; its issues stay."
    static func make(_ id: CouponID, _ client: CouponClient) async throws -> Coupon {
        try await client.archive(id)
    }
}

enum Unarchive: StateChange {
    static let name = "unarchive"
    static let abstract = "Brings an archived coupon back into the lists; it stays closed."
    static func make(_ id: CouponID, _ client: CouponClient) async throws -> Coupon {
        try await client.unarchive(id)
    }
}
