/// One round: traffic, faults, healing, and the judgement.
internal import CouponCore
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

/// What became of a round.
struct Verdict: Sendable {
    let schedule: Schedule
    let history: History
    let tables: Tables
    /// Empty where every promise was kept.
    let breaches: [Breach]
    /// From the end of the last fault until every daemon accepted.
    let healed: Duration
    /// From the beginning of the round to its judgement.
    let took: Duration
}

struct Round: Sendable {
    let schedule: Schedule
    let checker: HistoryChecker

    /// Plays it on servers of its own but PostgreSQL, which may be used again afterwards.
    /// - Parameter keep: called with the world before it goes, where something is wrong.
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
            let history = stage.load.history
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
        let patience = schedule.spread + .seconds(20)
        async let traffic: Void = stage.load.run(
            callers: 400, spread: schedule.spread, patience: patience)
        async let _: Void = stage.load.recorder.watchTheClock()
        async let looks: Void = stage.look(for: schedule.spread)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for strike in schedule.strikes { group.addTask { try await stage.carryOut(strike) } }
            try await group.waitForAll()
        }
        let end = ContinuousClock.now
        try await stage.ready()
        let healed = ContinuousClock.now - end
        _ = await (traffic, looks)
        // What Redis lost is free again; whoever is accepted now may push nobody out.
        for _ in 1...2 {
            try await stage.world.rest(within: .seconds(30))
            await stage.load.askAgain(try await stage.world.tables(), patience: .seconds(20))
        }
        try await stage.world.rest(within: .seconds(30))
        return (healed, try await stage.world.tables())
    }
}

extension Stage {
    /// Looks at the tables in between, as far as they can be seen.
    fileprivate func look(for duration: Duration) async {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            if let readings = try? world.readings(at: load.recorder.now) {
                load.recorder.note { $0.readings += readings }
            }
            try? await Task.sleep(for: .milliseconds(400))
        }
    }
}
