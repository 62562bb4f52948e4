/// One large state, and the goals of a daemon that has to handle it.
internal import TestWorld
internal import TestSupport

struct Case: Sendable {
    /// The name that `--only` takes.
    let name: String
    /// The case runs once with each of these numbers of daemons.
    let daemons: [Int]
    /// Several daemons are the point: a small run has each of the numbers too, and not only the first.
    let isOfSeveral: Bool
    /// A small run leaves it out unless `--only` names it.
    let isOnlyFull: Bool
    let goals: [Goal]
    private let body: @Sendable (Scene, inout Figures) async throws -> Void

    init(
        _ name: String, daemons: [Int] = [1], isOfSeveral: Bool = false, isOnlyFull: Bool = false,
        goals: [Goal],
        _ body: @escaping @Sendable (Scene, inout Figures) async throws -> Void
    ) {
        self.name = name
        self.daemons = daemons
        self.isOfSeveral = isOfSeveral
        self.isOnlyFull = isOnlyFull
        self.goals = goals
        self.body = body
    }

    /// In the order in which they run.
    static let all: [Case] = [
        backlog, millions, allGates, foreignEntry, bigCoupon, hugeCoupon, load, hugeLoad,
        foreignKeys, manyForeignKeys, fullRedis, closedCoupons, expiry, hugeExpiry, refused, slow,
        stuck, slowBatch, descriptors, silentRedis, manyCoupons, wideBatch, cutLoads, sellOuts,
        oldEpochs, damagedEntry, history, statuses,
    ]

    /// With how many daemons a run has the case.
    func numbers(isSmall: Bool) -> [Int] {
        isSmall && !isOfSeveral ? Array(daemons.prefix(1)) : daemons
    }

    /// Runs the case with a Redis, a database and daemons of its own.
    func play(
        on postgres: PostgresServer, daemons: Int, isSmall: Bool, evidence: String
    ) async -> CaseResult {
        let watch = Stopwatch()
        var figures = Figures()
        var failure: String?
        do {
            let scene = try await Scene(
                name, on: postgres, daemonCount: daemons, isSmall: isSmall)
            do {
                try await body(scene, &figures)
            } catch {
                failure = "\(error)"
            }
            if goals.contains(where: { $0.key == "epochs" }) {
                figures["epochs"] = try? await scene.epochsSpent()
            }
            if goals.contains(.sessionsLost) { figures["sessions_lost"] = scene.sessionsLost }
            if let reason = failure {
                failure = "\(reason); logs: \(scene.keepLogs(in: "\(evidence)/\(name)"))"
            }
            await scene.close()
        } catch {
            failure = "\(error)"
        }
        return CaseResult(
            theCase: self, daemons: daemons, figures: figures, failure: failure,
            seconds: watch.seconds)
    }
}

/// What a case has measured so far, by the keys of its goals. The report has it even if the case fails.
typealias Figures = [String: Double]

/// The result of a case.
struct CaseResult: Sendable {
    let theCase: Case
    let daemons: Int
    let figures: Figures
    /// Why it did not reach its end; nil if it did.
    let failure: String?
    let seconds: Double
}
