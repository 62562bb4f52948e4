/// The document behind the status page: what the page shows, as JSON.
internal import CouponCore
internal import NIOCore
internal import Synchronization

/// What PostgreSQL knows for the status page. It is read at most once a second, while somebody looks.
struct StatusTables: Sendable {
    var coupons: [Coupon] = []
    var actions: [TrailLine] = []
    /// The daemons that own the partitions.
    var owners: [PartitionID: String] = [:]
    /// Why they are older than a second; nil if they are not.
    var trouble: String?
}

/// The last tables, and whether they are being read again.
struct StatusTablesCache {
    private(set) var tables = StatusTables()
    private var readAt: MonotonicTime?
    private var isReading = false

    /// True if they must be read again; then the caller must call `store`.
    mutating func begin(now: MonotonicTime) -> Bool {
        let isOld = readAt.map { now.milliseconds(since: $0) >= 1_000 } ?? true
        guard isOld, !isReading else { return false }
        isReading = true
        return true
    }

    mutating func store(_ tables: Result<StatusTables, Failure>, now: MonotonicTime) {
        isReading = false
        readAt = now
        switch tables {
        case .success(let tables): self.tables = tables
        case .failure(let failure): self.tables.trouble = failure.message
        }
    }
}

extension CouponServer {
    /// A partition as one event loop sees it.
    private typealias Place = (epoch: Epoch, isOpen: Bool)

    /// Answers with the tables as they were last read, so that it has an answer while PostgreSQL has none.
    /// - Parameter view: what the reader of the page may see.
    func statusDocument(
        _ view: PageView, on loop: any EventLoop
    ) -> EventLoopFuture<String> {
        readStatusTables()
        let partitions = configuration.worker.partitioning
        let places = loopServers.collect(on: loop) { loopServer in
            partitions.all.map { loopServer.worker?.place(of: $0) ?? (epoch: 0, isOpen: false) }
        }
        return metrics(on: loop).and(observe(on: loop)).and(places).map { known, places in
            let (metrics, observed) = known
            return document(
                metrics, observed.condition, observed.isReady, places.first ?? [], view)
        }
    }

    private func readStatusTables() {
        let clocks = configuration.worker.clocks
        guard loopServers.statusTables.withLock({ $0.begin(now: clocks.now()) }) else { return }
        let loopServers = self.loopServers
        let recent = loopServers.recentCoupons.withLock { $0.ids }
        work.admin.submit { lane in
            let tables = lane.statusTables(recent: recent)
            loopServers.statusTables.withLock { $0.store(tables, now: clocks.now()) }
        } refused: { failure in
            loopServers.statusTables.withLock { $0.store(.failure(failure), now: clocks.now()) }
        }
    }

    private func document(
        _ metrics: String, _ condition: Condition, _ isReady: Bool, _ places: [Place],
        _ view: PageView
    ) -> String {
        let tables = loopServers.statusTables.withLock { $0.tables }
        let now = configuration.worker.clocks.wallNow()
        let hasReasons = view.contains(.reasons)
        return JSONText.object([
            ("version", configuration.version.quotedForJSON),
            ("now", "\(now.microseconds / 1_000)"),
            ("ready", "\(isReady)"),
            (
                "trouble",
                JSONText.text(hasReasons ? condition.trouble ?? condition.missingRights : nil)
            ),
            (
                "checks",
                JSONText.array(
                    condition.checks.map { check in
                        JSONText.object([
                            ("name", check.name.quotedForJSON), ("well", "\(check.isWell)"),
                            ("text", (hasReasons ? check.text : "").quotedForJSON),
                        ])
                    })
            ),
            ("metrics", JSONText.metrics(metrics)),
            (
                "partitions",
                JSONText.array(
                    partitions(places, hasReasons ? tables.owners : [:], now: now))
            ),
            (
                "coupons",
                JSONText.array(view.contains(.coupons) ? tables.coupons.map(\.statusText) : [])
            ),
            (
                "actions",
                JSONText.array(view.contains(.actions) ? tables.actions.map(\.statusText) : [])
            ),
            ("coupons_hidden", "\(!view.contains(.coupons))"),
            ("actions_hidden", "\(!view.contains(.actions))"),
            ("tables_trouble", JSONText.text(hasReasons ? tables.trouble : nil)),
        ])
    }

    private func partitions(
        _ places: [Place], _ owners: [PartitionID: String], now: Timestamp
    ) -> [String] {
        let state = environment.schedulerState
        return zip(configuration.worker.partitioning.all, places).map { partition, place in
            let queue = state.queues[partition]
            return JSONText.object([
                ("id", "\(partition.rawValue)"), ("owned", "\(environment.owns(partition))"),
                ("owner", JSONText.text(owners[partition])),
                ("open", "\(place.isOpen)"), ("epoch", "\(place.epoch)"),
                ("queued", queue.map { "\($0.entries)" } ?? "null"),
                ("age", queue.map { "\($0.ageSeconds(now: now))" } ?? "null"),
                ("rebuild", state.rebuilds[partition].map { "\($0)" } ?? "null"),
            ])
        }
    }
}

extension BlockingLane {
    /// The coupons of the last events, then others by id, and the last lines of the trail.
    fileprivate func statusTables(recent: [CouponID]) -> Result<StatusTables, Failure> {
        Result { () throws(BackendError) in
            let named = try store.coupons(recent)
            let byID = Dictionary(named.map { ($0.id, $0) }, uniquingKeysWith: { one, _ in one })
            let known = Set(recent)
            let others = try store.coupons(after: CouponID(0), limit: Limits.statusPageCoupons)
                .filter { !known.contains($0.id) }
            return StatusTables(
                coupons: Array(
                    (recent.compactMap { byID[$0] } + others).prefix(Limits.statusPageCoupons)),
                actions: try store.trail(
                    of: .all, before: .max, limit: Limits.statusPageActions),
                owners: try store.owners())
        }.mapError(keeper.failure)
    }
}

extension Coupon {
    /// Ids are texts: a browser's numbers end at 2^53.
    fileprivate var statusText: String {
        JSONText.object([
            ("id", "\(id.rawValue)".quotedForJSON), ("title", title.quotedForJSON),
            ("total", total.map { "\($0)" } ?? "null"), ("issued", "\(issued)"),
            ("state", "\(state)".quotedForJSON),
            ("opens", "\(window.opens.microseconds / 1_000)"),
            ("closes", "\(window.closes.microseconds / 1_000)"),
        ])
    }
}

extension TrailLine {
    fileprivate var statusText: String {
        JSONText.object([
            ("id", "\(id)".quotedForJSON), ("at", "\(at.microseconds / 1_000)"),
            ("principal", action.call.principal.quotedForJSON),
            ("method", action.call.method.quotedForJSON),
            ("coupon", JSONText.text(action.coupon.map { "\($0.rawValue)" })),
            ("outcome", action.outcome.quotedForJSON),
        ])
    }
}

/// JSON from parts that are JSON already.
private enum JSONText {
    static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { $0.quotedForJSON + ":" + $1 }.joined(separator: ",") + "}"
    }

    static func array(_ elements: [String]) -> String {
        "[" + elements.joined(separator: ",") + "]"
    }

    static func text(_ text: String?) -> String { text?.quotedForJSON ?? "null" }

    /// Each sample of Prometheus' text, by its name with its labels: so the page shows the same numbers.
    static func metrics(_ text: String) -> String {
        object(
            text.split(separator: "\n").compactMap { line in
                guard !line.hasPrefix("#"), let space = line.lastIndex(of: " ") else { return nil }
                let value = line[line.index(after: space)...]
                guard let number = Double(value), number.isFinite else { return nil }
                return (String(line[..<space]), String(value))
            })
    }
}
