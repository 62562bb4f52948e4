/// Knows what really happened, and compares the answers with it. It sees each acceptance at the gate, each
/// commit and each answer, and knows which losses docs/GUARANTEES.md allows.
import CouponCore
import CoreTestKit

/// A broken invariant.
struct Breach: Error {
    let text: String
}

final class Witness {
    /// One acceptance at the gate.
    final class Acceptance {
        let accepted: AcceptedRequest
        let position: Position
        let time: Int64
        /// An allowed loss of data took it.
        var isLost = false
        /// An answer said that it is rejected or lost.
        var wasRefused = false

        init(_ accepted: AcceptedRequest, _ position: Position, at time: Int64) {
            self.accepted = accepted
            self.position = position
            self.time = time
        }
    }

    unowned let play: Play
    private(set) var breach: Breach?
    var acceptances: [Acceptance] = []
    var byRequest: [RequestID: [Acceptance]] = [:]
    /// When the gate refused tries of a request.
    var gateRefusals: [RequestID: [Int64]] = [:]
    /// Requests that a deposed master refused: it does not know the holders of the new one.
    var refusedByDeposed: Set<RequestID> = []
    /// The call that was given each position, by its number.
    var byPosition: [PartitionID: [Position: Int]] = [:]
    /// How many calls the gate has judged.
    var judgedCalls = 0
    /// Partitions whose gate has gone back and was not rebuilt since.
    var tainted: Set<PartitionID> = []
    /// When each partition's gate was last lost or moved.
    private(set) var shakenAt: [PartitionID: Int64] = [:]
    /// When each partition's gate was last opened.
    var openedAt: [PartitionID: Int64] = [:]
    /// Requests that were answered with ISSUED.
    var answeredIssued: Set<AcceptedRequest> = []
    /// Requests whose row was read while the standby lacked it.
    var readInDoubt: Set<AcceptedRequest> = []
    /// The same for statuses.
    var statusesInDoubt: Set<AcceptedRequest> = []
    /// Until when such a status, asked before the primary was lost, may still be answered.
    var doubtEnds: Int64?
    /// Coupons that were deleted.
    var wasDeleted: Set<CouponID> = []
    /// Coupons that were finished at any time.
    var wasFinished: Set<CouponID> = []
    /// For which Redis each epoch was raised.
    private(set) var raisedFor: [PartitionID: [Epoch: RedisIdentity]] = [:]
    /// The term of each partition's row.
    var terms: [PartitionID: UInt64] = [:]
    /// Every row that was ever committed.
    var everIssued: Set<AcceptedRequest> = []
    private(set) var didPostgresGoBack = false
    var seenRejections = 0
    /// Answers that reached their users, by coupon and epoch.
    var received: [CouponEpoch: [(time: Int64, sequence: Int64)]] = [:]
    struct CouponEpoch: Hashable {
        let coupon: CouponID
        let epoch: Epoch
    }

    init(_ play: Play) { self.play = play }

    /// Records the first breach, and ends the play.
    func fail(_ text: @autoclosure () -> String) {
        guard breach == nil else { return }
        breach = Breach(text: text())
        play.line.note("BREACH", text())
        play.baton.end()
    }

    func partition(of coupon: CouponID) -> PartitionID {
        play.partitioning.partition(of: coupon)
    }

    var tables: ModelTables { play.postgres.tables }

    /// PostgreSQL gives out an epoch.
    func didRaise(_ row: PartitionRow) {
        raisedFor[row.id, default: [:]][row.epoch] = row.identity
        expectReason(for: row)
    }

    /// With several masters the trouble of one is no reason to rebuild the gates of the others. Owners act
    /// late, so only a gate that has been open for a while counts.
    private func expectReason(for row: PartitionRow) {
        guard play.isSpread, play.faults.twoOwners == 0 else { return }
        let since = max(shakenAt[row.id] ?? 0, openedAt[row.id] ?? Int64.max / 2)
        let redis = play.redis(of: row.id)
        guard play.line.now - since > Self.calm, let gate = redis.data[row.id].gate,
            !gate.isFenced, redis.data[row.id].foreign.isEmpty,
            raisedFor[row.id]?[gate.epoch] == redis.identity
        else { return }
        fail("partition \(row.id.rawValue) is rebuilt, but its node is well")
    }

    private static let calm: Int64 = 5_000_000

    /// Redis lost data of some partitions.
    func redisLost(of partitions: [PartitionID], isRollback: Bool) {
        for partition in partitions { didShake(partition) }
        if isRollback { tainted.formUnion(partitions) }
        markLost()
    }

    /// A partition's gate is lost, or elsewhere, so it must be rebuilt.
    func didShake(_ partition: PartitionID) { shakenAt[partition] = play.line.now }

    /// PostgreSQL lost data.
    func postgresWentBack() {
        didPostgresGoBack = true
        seenRejections = tables.rejections.count
        for acceptance in acceptances { acceptance.wasRefused = false }
        markLost()
    }

    func markLost() {
        for acceptance in acceptances
        where !(isDecided(acceptance.accepted) && isOnStandby(acceptance.accepted))
            && !isQueued(acceptance)
        {
            acceptance.isLost = true
        }
    }

    func isQueued(_ acceptance: Acceptance) -> Bool {
        let partition = partition(of: acceptance.accepted.coupon)
        return play.redis(of: partition).data[partition].queue.contains {
            $0.entry.position == acceptance.position
                && $0.entry.acceptedRequests.contains(acceptance.accepted)
        }
    }
}
