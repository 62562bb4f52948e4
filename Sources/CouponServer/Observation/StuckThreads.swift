/// Which threads stand still: what the watchdog needs to know.
internal import CouponCore
internal import Synchronization

/// A round through all event loops: it ends when each of them has had a turn.
final class LoopRound: Sendable {
    /// In nanoseconds; 0 between rounds.
    private let start = Atomic<Int64>(0)

    var isOver: Bool { began == nil }

    /// When it began; nil between rounds.
    var began: MonotonicTime? {
        let time = start.load(ordering: .relaxed)
        return time == 0 ? nil : MonotonicTime(nanoseconds: time)
    }

    func begin(at time: MonotonicTime) { start.store(time.nanoseconds, ordering: .relaxed) }

    func end() { start.store(0, ordering: .relaxed) }
}

struct StuckThreads {
    /// Such as "scheduler" or "lane loads".
    let names: [String]

    /// - Parameters:
    ///   - threads: names, and when each last showed progress; nil if it does not run.
    ///   - lanes: when each began the job that it works on; nil if it waits for one.
    ///   - period: how often the watchdog is fed.
    init(
        threads: [(name: String, progress: MonotonicTime?)],
        lanes: [(lane: Lane, jobBegan: MonotonicTime?)], period: Duration, now: MonotonicTime
    ) {
        func isStuck(_ since: MonotonicTime?, _ periods: Int64) -> Bool {
            let milliseconds =
                period.components.seconds * 1_000
                + period.components.attoseconds / 1_000_000_000_000_000
            return since.map {
                $0.advanced(byMilliseconds: milliseconds * periods) < now
            } ?? false
        }
        names =
            threads.filter { isStuck($0.progress, Limits.stuckThreadPeriods) }.map(\.name)
            + lanes.filter { isStuck($0.jobBegan, $0.lane.stuckPeriods) }.map { "lane \($0.lane)" }
    }
}

extension Lane {
    /// How many periods of the watchdog a job may take. Those of the lanes without callers, and an audit on
    /// demand, make many calls that may each wait for a server.
    fileprivate var stuckPeriods: Int64 {
        switch self {
        case .news, .lookups, .loads, .statuses, .watches: Limits.stuckThreadPeriods
        case .admin, .resync, .audits: Limits.stuckLanePeriods
        }
    }
}
