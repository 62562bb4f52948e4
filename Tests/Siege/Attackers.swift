/// Threads that attack a port until they are stopped.
internal import Foundation
internal import Synchronization
internal import TestSupport

/// What is attacked, and how long.
struct Target: Sendable {
    let port: Int
    let httpPort: Int
    let isSmall: Bool

    /// A number of connections or of requests each second, for this run.
    func size(_ full: Int) -> Int { isSmall ? max(1, full / 10) : full }
}

final class Attackers: Sendable {
    private let isOver = Atomic(false)
    private let beginning = Atomic(0)
    private let running = Atomic(0)

    init(_ attack: Attack, _ target: Target) {
        beginning.store(attack.threads, ordering: .relaxed)
        running.store(attack.threads, ordering: .relaxed)
        for number in 0..<attack.threads {
            Thread.detachNewThread {
                let squad = Squad(target: target, number: number, of: attack.threads, self)
                attack.body(squad)
                self.running.subtract(1, ordering: .relaxed)
            }
        }
    }

    /// Waits until every thread has its first connections.
    func waitUntilOn() async throws {
        try await eventually("the attack is on", within: .seconds(60)) {
            beginning.load(ordering: .relaxed) == 0
        }
    }

    /// Ends the attack, and waits until its connections are closed.
    func stop() async {
        isOver.store(true, ordering: .relaxed)
        try? await eventually("the attackers are gone", within: .seconds(60)) {
            running.load(ordering: .relaxed) == 0
        }
    }

    /// One thread of an attack.
    struct Squad {
        let target: Target
        /// From 0.
        let number: Int
        let threads: Int
        private let attackers: Attackers

        fileprivate init(
            target: Target, number: Int, of threads: Int, _ attackers: Attackers
        ) {
            self.target = target
            self.number = number
            self.threads = threads
            self.attackers = attackers
        }

        var isOver: Bool { attackers.isOver.load(ordering: .relaxed) }

        /// The first connections are there.
        func isOn() { attackers.beginning.subtract(1, ordering: .relaxed) }

        /// Its part of a number.
        func share(_ full: Int) -> Int { max(1, target.size(full) / threads) }

        /// Does something so many times a second, in portions, until the attack is over.
        func repeatedly(perSecond: Int, _ body: (_ count: Int) -> Void) {
            let beginning = ContinuousClock.now
            var done = 0
            while !isOver {
                let due = Int((ContinuousClock.now - beginning) / .seconds(1) * Double(perSecond))
                // What could not be done in time is left out: attackers do not catch up.
                if due > done { body(min(due - done, max(1, perSecond / 50))) }
                done = max(done, due)
                usleep(5_000)
            }
        }
    }
}
