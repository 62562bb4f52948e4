/// One round: traffic, faults, recovery, and the check of the history.
internal import CouponCore
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

/// The result of a round.
struct Verdict: Sendable {
    let schedule: Schedule
    let history: History
    let tables: Tables
    /// Empty if every promise was kept.
    let breaches: [Breach]
    /// From the end of the last fault until every daemon accepted.
    let healed: Duration
    /// From the beginning of the round to the check of its history.
    let took: Duration
}

struct Round: Sendable {
    let schedule: Schedule
    let checker: HistoryChecker

    /// Runs the round. PostgreSQL can be used again afterwards; the round has all other servers of its own.
    /// - Parameter keep: called with the world before it ends, if something is wrong.
    func play(
        on postgres: PostgresServer, keep: (World, [String]) -> Void
    ) async throws -> Verdict {
        let beginning = ContinuousClock.now
        try await eventually("PostgreSQL has recovered", within: .seconds(60)) {
            try postgres.query("SELECT 1", on: postgres.connection()) == "1"
        }
        let stage = try await Stage(schedule, postgres: postgres)
        do {
            let (healed, tables) = try await live(stage)
            let history = stage.traffic.history
            let verdict = Verdict(
                schedule: schedule, history: history, tables: tables,
                breaches: checker.check(history, against: tables), healed: healed,
                took: ContinuousClock.now - beginning)
            if !verdict.breaches.isEmpty { keep(stage.world, verdict.report) }
            try await stage.close()
            return verdict
        } catch {
            keep(stage.world, ["\(schedule)", "\(error)"])
            try? await stage.close()
            throw error
        }
    }

    private func live(_ stage: Stage) async throws -> (healed: Duration, Tables) {
        let timeout = schedule.spread + .seconds(20)
        async let asking: Void = stage.traffic.run(
            callers: 400, spread: schedule.spread, timeout: timeout)
        async let _: Void = stage.traffic.recorder.recordStalls()
        async let looks: Void = stage.look(for: schedule.spread)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for strike in schedule.strikes { group.addTask { try await stage.cause(strike) } }
            try await group.waitForAll()
        }
        let end = ContinuousClock.now
        try await stage.ready()
        let healed = ContinuousClock.now - end
        _ = await (asking, looks)
        // Slots that Redis lost are free again. Users who get them now must not displace others.
        for _ in 1...2 {
            try await stage.world.waitUntilQuiet(within: .seconds(30))
            await stage.traffic.askAgain(try await stage.world.tables(), timeout: .seconds(20))
        }
        try await stage.world.waitUntilQuiet(within: .seconds(30))
        try await stage.traffic.askStatusesAtRest()
        return (healed, try await stage.world.tables())
    }
}

extension Stage {
    /// Reads the tables during the round, whenever PostgreSQL answers.
    fileprivate func look(for duration: Duration) async {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            if let readings = try? world.readings(at: traffic.recorder.now) {
                traffic.recorder.record { $0.readings += readings }
            }
            try? await Task.sleep(for: .milliseconds(400))
        }
    }
}
