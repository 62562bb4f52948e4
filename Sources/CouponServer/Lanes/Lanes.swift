/// All lanes of slow work: decisions, lookups, loads, statuses, events, admin methods, resync, audits.
internal import CouponCore
internal import CouponWire

struct Lanes: Sendable {
    let news: BlockingLane
    let lookups: BlockingLane
    let loads: BlockingLane
    let statuses: StatusQueue
    let watches: WatchQueue
    let admin: BlockingLane
    /// Reloads, which wait for no server: so they do not wait for other admin methods either.
    let reloads: BlockingLane
    private let resync: BlockingLane
    private let audits: BlockingLane

    init(_ make: (Lane) -> BlockingLane) {
        news = make(.news)
        lookups = make(.lookups)
        loads = make(.loads)
        statuses = StatusQueue([make(.statuses), make(.statuses)])
        watches = WatchQueue(make(.watches))
        admin = make(.admin)
        reloads = make(.admin)
        resync = make(.resync)
        audits = make(.audits)
    }

    /// All of them.
    var lanes: [BlockingLane] { jobLanes + [reloads] + statuses.lanes + [watches.lane] }

    private var jobLanes: [BlockingLane] { [news, lookups, loads, admin, resync, audits] }

    /// The lane of a slow method that is neither a status nor a watch.
    func lane(for method: Request.Method) -> BlockingLane {
        if case .reload = method { return reloads }
        return method.descriptor.lane == .audits ? audits : admin
    }

    /// Counts a method that was refused before it came to its lane.
    func refuse(_ method: Request.Method) {
        switch method.descriptor.lane {
        case .statuses: statuses.refuse()
        case .watches: watches.refuse()
        default: lane(for: method).refuse()
        }
    }

    /// Queues what recurs each second: partitions, coupons that open soon, the trail, resync, the auditor,
    /// the commit log.
    func submitRecurring() {
        news.refreshPartitions()
        loads.submitRecurring { $0.loadOpening() }
        resync.submitRecurring {
            $0.writeTrail()
            $0.keeper.resync()
            $0.letters.resync()
        }
        audits.submitRecurring { $0.look() }
        watches.lane.submitRecurring { [watches] in $0.lookAtLog(of: watches) }
    }

    /// The daemon ends. Waits for admin methods in progress, then writes the lines of the trail that wait.
    /// Both together have a time limit; what is not written by then is lost.
    /// - Parameter areCallersLeft: whether callers were cut off. Rebuilds notice that a little later, and
    ///   then add their lines.
    func writeLastLines(areCallersLeft: Bool) async {
        let (ends, end) = AsyncStream.makeStream(of: Never.self)
        let timer = Task {
            try? await Task.sleep(for: .milliseconds(Limits.lastTrailLinesMilliseconds))
            end.finish()
        }
        Task { [admin, reloads] in
            if areCallersLeft { try? await Task.sleep(for: .milliseconds(50)) }
            await reloads.endJobs()
            await admin.writeLastLines()
            end.finish()
        }
        // A task of its own waits even if this one is cancelled.
        await Task { for await _ in ends {} }.value
        timer.cancel()
        admin.loseLastLines()
    }

    /// Takes no more jobs.
    func finish() { for lane in lanes { lane.finish() } }

    /// How many jobs wait in each lane, and how many were refused.
    var metrics: [MetricFamily] {
        let lanes: [(kind: Lane, waiting: Int, refused: Int)] =
            jobLanes.map {
                (
                    $0.kind, $0.waiting + ($0 === admin ? reloads.waiting : 0),
                    $0.refused + ($0 === admin ? reloads.refused : 0)
                )
            }
            + [
                (.statuses, statuses.waiting, statuses.refused),
                (.watches, watches.waiting, watches.refused),
            ]
        return [
            MetricFamily(
                MetricName.slowWaiting, .gauge, by: "lane",
                lanes.map { ("\($0.kind)", $0.waiting) }),
            MetricFamily(
                MetricName.slowRefused, .counter, by: "lane",
                lanes.map { ("\($0.kind)", $0.refused) }),
        ]
    }
}
