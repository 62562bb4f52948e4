internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Glibc

/// The status of a coupon, repeatedly; or the events of all coupons or of one.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Shows how a coupon stands each second, or events, until it is interrupted.",
        discussion: """
            On a terminal it rewrites one line; elsewhere it writes a line whenever something has \
            changed. With --json it prints a document for each look. If the daemon is away for a \
            while, it waits.

            With --events it prints what was committed as JSON lines: who got a coupon, rejections, \
            sold out coupons, changes. After each answer comes a line with a bookmark; --after begins \
            after that bookmark. With --bookmark-file a file keeps the bookmark, and the next run \
            continues where this one ended.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "The coupon; of --events all coupons if absent.", completion: .couponIDs)
    var coupon: CouponID?
    @Flag(help: "Print events instead of the status.") var events = false
    @Flag(help: "Begin with the oldest event that is kept, and not with the next one.")
    var fromOldest = false
    @Option(help: "Begin after this bookmark.") var after: Bookmark?
    @Option(help: "Begin after the bookmark of this file, and keep it there.", completion: .file())
    var bookmarkFile: String?
    @Option(help: "The time between two looks: 500ms, 2s.")
    var every = TimeSpan(milliseconds: 1_000)
    @Option(help: "How many looks; without end if absent.") var looks: Int?

    func validate() throws {
        if every.milliseconds < 10 { throw ValidationError("--every must be at least 10ms") }
        if let looks, looks < 1 { throw ValidationError("--looks must be at least 1") }
        let begins = [fromOldest, after != nil, bookmarkFile != nil]
        if !events {
            if coupon == nil { throw ValidationError("--coupon is missing") }
            if begins.contains(true) {
                throw ValidationError("--from-oldest, --after and --bookmark-file need --events")
            }
        } else if after != nil, fromOldest || bookmarkFile != nil {
            throw ValidationError("--after already says where the events begin")
        }
    }

    func run() async throws {
        try await global.withClient(reading: true) { client in
            guard !events, let coupon else { return try await follow(client) }
            var screen = Screen(isJSON: global.json)
            var left = looks ?? .max
            while true {
                try screen.show(try await look(client, at: coupon))
                left -= 1
                if left == 0 { break }
                try await Output.pause(every)
            }
            try screen.end()
        }
    }

    /// Prints events, an answer at a time.
    private func follow(_ client: CouponClient) async throws {
        let file = bookmarkFile.map { BookmarkFile(path: $0) }
        let known = try after ?? file?.read()
        let start: EventQuestion.Start =
            if let known { .after(known) } else { fromOldest ? .oldest : .now }
        let (coupon, looks) = (coupon, looks ?? .max)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // Ends the command if nobody reads its output any more: without events the other task would not
            // notice.
            tasks.addTask { while true { try await Output.pause(TimeSpan(milliseconds: 1_000)) } }
            tasks.addTask {
                var left = looks
                for try await page in client.events(from: start, of: coupon) {
                    try Output.write(page.lines)
                    try file?.write(page.bookmark)
                    left -= 1
                    if left == 0 { break }
                }
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    /// One line. An error that may pass is shown, and the watch goes on.
    private func look(
        _ client: CouponClient, at coupon: CouponID
    ) async throws -> String {
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
