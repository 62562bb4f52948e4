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
    @Option(help: "A file with the id of a user in each line: prints the state of each.")
    var usersFile: String?

    func validate() throws {
        if user != nil, usersFile != nil {
            throw ValidationError("name --user or --users-file, not both")
        }
    }

    func run() async throws {
        let users = try usersFile.map { try UsersFile.users(of: $0) }
        try await global.withClient(reading: true) { client in
            for part in users.map(UsersFile.parts) ?? [] { try await show(part, client) }
            if users != nil { return }
            let status = try await client.status(of: coupon, user: user)
            try Output.show(json(status), lines(status), json: global.json)
        }
    }

    /// A line for each user.
    private func show(_ users: ArraySlice<UserID>, _ client: CouponClient) async throws {
        let status = try await client.status(of: coupon, users: Array(users))
        try Output.write(
            zip(users, status.users).map { user, status in
                let fields = [("user", JSONValue.integer(user.rawValue))] + status.details
                return global.json
                    ? "\(JSONValue.object(fields))"
                    : fields.map(\.1.text).joined(separator: " ")
            })
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
