internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Glibc

/// The status of a coupon, repeatedly.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Shows how a coupon stands each second, until it is interrupted.",
        discussion: """
            On a terminal one line is written anew; elsewhere a line is written whenever something \
            changed. With --json a document for each look. A daemon that is away for a while is \
            waited for.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "The coupon.", completion: .couponIDs) var coupon: CouponID
    @Option(help: "The time between two looks: 500ms, 2s.")
    var every = TimeSpan(milliseconds: 1_000)
    @Option(help: "How many looks; without end if absent.") var looks: Int?

    func validate() throws {
        if every.milliseconds < 10 { throw ValidationError("--every must be at least 10ms") }
        if let looks, looks < 1 { throw ValidationError("--looks must be at least 1") }
    }

    func run() async throws {
        try await global.withClient(reading: true) { client in
            var screen = Screen(isJSON: global.json)
            var left = looks ?? .max
            while true {
                try screen.show(try await look(client))
                left -= 1
                if left == 0 { break }
                try await Output.pause(every)
            }
            try screen.end()
        }
    }

    /// One line. An error that may pass is shown, and the watch goes on.
    private func look(_ client: CouponClient) async throws -> String {
        do throws(ClientError) {
            let status = try await client.status(of: coupon, user: nil)
            return global.json ? "\(status.json)" : status.line.safeForTerminal
        } catch {
            guard RetryPolicy.mayHelp(after: error) else { throw error }
            let text = Complaint(error, address: client.address, reading: true).message
            return global.json ? "\(JSONValue.object([("error", .string(text))]))" : text
        }
    }
}

/// Where the lines go.
private struct Screen {
    private let isJSON: Bool
    private let isTerminal: Bool
    private var last = ""

    init(isJSON: Bool) {
        self.isJSON = isJSON
        isTerminal = !isJSON && isatty(STDOUT_FILENO) == 1
    }

    mutating func show(_ line: String) throws(OutputLost) {
        if isTerminal {
            try Output.write("\r\u{1B}[K" + line)
        } else if isJSON || line != last {
            try Output.write([line])
        }
        last = line
    }

    func end() throws(OutputLost) {
        if isTerminal { try Output.write("\n") }
    }
}

extension CouponStatus {
    /// The figures that move, in one line.
    fileprivate var line: String {
        let left = coupon.remaining.map { ", \($0) left" } ?? ""
        return "\(coupon.title): \(coupon.state), accepted \(accepted), queued \(queued),"
            + " issued \(coupon.issued)\(left)"
    }

    fileprivate var json: JSONValue {
        .object([
            ("coupon", coupon.json), ("accepted", .integer(accepted)),
            ("queued", .integer(queued)),
        ])
    }
}
