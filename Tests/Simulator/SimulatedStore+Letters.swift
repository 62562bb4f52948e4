/// Decisions on dead letters, as `PostgresCouponStore` makes them: under the locks of the partition and the
/// coupon (rule 46).
import CouponCore
import CoreTestKit

extension SimulatedStore {
    func decide(
        _ id: Int64, _ state: DeadLetter.State, by call: AdminCall
    ) throws(BackendError) -> LetterDecision {
        defer { session.rollBack() }
        guard let letter = try locked(id, exclusively: true) else { return .missing }
        guard letter.state == .held else { return .refused("it was already \(letter.state)") }
        if state == .redriven, let fault = play.postgres.tables.faultOfRedriving(letter) {
            return .refused(fault)
        }
        let now = play.postgres.now
        return try session.commit("letter \(id) is \(state)") { tables in
            tables.decide(id, state, now: now)
            return .decided(letter.deadLetter)
        }
    }

    func unsyncedLetters(
        limit: Int, except coupons: Set<CouponID>
    ) throws(BackendError) -> [UnsyncedLetter] {
        try session.read { tables in
            let all = tables.unsyncedLetters.map { letter in
                let coupon = letter.rejection.accepted.coupon
                return UnsyncedLetter(
                    id: letter.id, partition: partition(of: coupon), coupon: coupon)
            }
            let others = all.filter { $0.coupon.map { !coupons.contains($0) } ?? true }
            return Array(others.prefix(limit))
        }
    }

    func resyncLetter(
        _ id: Int64, _ update: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool {
        defer { session.rollBack() }
        guard let letter = try locked(id, exclusively: false) else { return true }
        let coupon = letter.rejection.accepted.coupon
        let row = play.postgres.tables[partition(of: coupon)]
        if let coupon = play.postgres.tables.coupons[coupon],
            !update(letter.deadLetter, coupon, row)
        {
            return false
        }
        return try session.commit("the gate has letter \(id)") { tables in
            tables.didSync(id)
            return true
        }
    }

    func waitForChanges(of coupon: CouponID) throws(BackendError) {
        defer { session.rollBack() }
        try session.leave(session.enter())
        try session.lock(.coupon(coupon), exclusively: false)
    }

    /// A letter, with its partition and its coupon locked; nil if there is none.
    private func locked(
        _ id: Int64, exclusively: Bool
    ) throws(BackendError) -> ModelTables.Letter? {
        let letter = try session.read { $0.letters.first { $0.id == id } }
        guard let coupon = letter?.rejection.accepted.coupon else { return nil }
        try session.lock(.partition(partition(of: coupon)), exclusively: exclusively)
        try session.lock(.coupon(coupon))
        session.session?.isWorking = false
        session.session?.silentSince = play.line.now
        return play.postgres.tables.letters.first { $0.id == id }
    }
}
