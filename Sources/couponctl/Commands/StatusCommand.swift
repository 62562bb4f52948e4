internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire

/// The status of a coupon, and perhaps of one of its users.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows how a coupon stands, and what became of a user.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "The coupon.", completion: .couponIDs) var coupon: CouponID
    @Option(help: "The user.") var user: UserID?

    func run() async throws {
        try await global.withClient(reading: true) { client in
            let status = try await client.status(of: coupon, user: user)
            try Output.show(json(status), lines(status), json: global.json)
        }
    }

    private func json(_ status: CouponStatus) -> JSONValue {
        .object([("coupon", status.coupon.json)] + figures(status))
    }

    private func lines(_ status: CouponStatus) -> [String] {
        Table.fields(status.coupon.fields + figures(status).map { ($0.0, $0.1.text) })
    }

    private func figures(_ status: CouponStatus) -> [(String, JSONValue)] {
        let user =
            user == nil ? [] : status.user.details + (status.place?.details ?? [])
        return [("accepted", .integer(status.accepted)), ("queued", .integer(status.queued))] + user
    }
}
