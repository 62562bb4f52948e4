/// What hits rebuilds after all other faults have ended, in plays with weights: they must not begin again
/// because of it (rule 43). This is drawn from its own random numbers, so the faults before it stay the same.
import CoreTestKit
import CouponCore

extension Play {
    enum Unrest {
        /// For ten seconds a partition may have several owners. Those that come later wait for the beat.
        case owners
        /// The sessions of rebuilds end again and again.
        case sessions
        /// A call of a rebuild is lost once a second.
        case calls
    }

    /// Several owners only with one Redis: with several, a rebuild also rests for what Redis took. Ended
    /// sessions and lost calls only if there never was more than one daemon, with one issuing lane: another
    /// one may take the partition before the session is replaced, and then a new rebuild spends an epoch by
    /// right.
    func drawUnrest() -> Unrest? {
        guard weights.isDrawn else { return nil }
        var random = SplitMix64(seed: seed ^ 0x0143E57)
        random = SplitMix64(seed: random.next() ^ seed)
        let number = Int.random(in: 0...5, using: &random)
        let isAlone = daemons.count == 1 && lanes == 1
        switch number {
        case 0...1: return hasStandby || kind != .single ? nil : .owners
        case 2...3: return isAlone ? .sessions : nil
        case 4: return isAlone ? .calls : nil
        default: return nil
        }
    }

    /// Once more in the middle of what goes on: nothing may begin again because of it.
    func disturbRebuilds() {
        guard weights.isDrawn else { return }
        if unrest != .owners {
            line.after(3_000_000) { [self] in postgres.endSessionsOfRebuilds() }
        }
        switch unrest {
        case .owners:
            line.note("play", "partitions may have several owners for ten seconds")
            faults.twoOwners = 300
            line.after(10_000_000) { [self] in
                faults.twoOwners = 0
                // A second owner would stay one, and other daemons would own no partition.
                postgres.endAllSessions()
            }
        case .sessions:
            for second in [2, 4, 5] {
                line.after(Int64(second) * 1_000_000) { [self] in
                    postgres.endSessionsOfRebuilds()
                }
            }
        case .calls:
            for second in 1...8 {
                line.after(Int64(second) * 1_000_000) { [self] in losesCallOfRebuild = true }
            }
        case nil: break
        }
    }

    /// Whether the next call of a rebuild is lost, and this is one.
    func losesCall(of partition: PartitionID, by fiber: Fiber) -> Bool {
        guard losesCallOfRebuild, fiber.name.contains("scheduler"),
            gates[partition.rawValue].gate?.isFenced == true
        else { return false }
        losesCallOfRebuild = false
        return true
    }
}
