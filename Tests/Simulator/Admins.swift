/// Admins who change coupons during a sale.
import CouponCore
import CoreTestKit

extension Play {
    func planAdmins() {
        guard line.chance(500) else { return }
        for _ in 1...line.random(1...5) {
            let id = coupons[line.draw(0...coupons.count - 1)]
            let old = postgres.tables.coupons[id]?.issued ?? 0
            let change: CouponChange =
                switch line.random(0...9) {
                case 0...3: CouponChange(total: .some(.some(old + line.random(1...4))))
                case 4...5: CouponChange(total: .some(.some(old + line.random(3...6))))
                case 6: CouponChange(state: .paused)
                case 7...8: CouponChange(state: .active)
                default: line.chance(300) ? CouponChange(state: .closed) : CouponChange(title: "d")
                }
            line.at(line.random(200_000...troubleEnds)) { [self] in apply(change, to: id) }
        }
    }

    /// Admins redrive and discard dead letters, until users ask for the last time. This is drawn from its own
    /// random numbers, so plays without refused users stay the same.
    func planLetters() {
        var random = SplitMix64(seed: seed ^ 0x1E77E4)
        guard Int.random(in: 0...9, using: &random) < 8 else { return }
        for _ in 1...8 {
            let at = Int64.random(in: 300_000...troubleEnds + 300_000, using: &random)
            let state: DeadLetter.State =
                Bool.random(using: &random) ? .redriven : .discarded
            let number = Int.random(in: 0...99, using: &random)
            line.at(at) { [self] in
                let held = postgres.tables.letters.filter { $0.state == .held }
                let alive = daemons.filter(\.isAlive)
                guard !held.isEmpty, !alive.isEmpty else { return }
                let (letter, daemon) = (held[number % held.count].id, alive[number % alive.count])
                line.note("admin", "asks \(daemon.name) that letter \(letter) is \(state)")
                daemon.arrive { daemon.decide(letter, state) }
            }
        }
    }

    /// Admins close a coupon, often early, and archive or delete it. This is drawn from its own random
    /// numbers, so other plays stay the same.
    func planEndsOfCoupons() {
        var random = SplitMix64(seed: seed ^ 0xDE1E03)
        random = SplitMix64(seed: random.next() ^ seed)
        guard Int.random(in: 0...999, using: &random) < 150 else { return }
        let id = coupons[Int.random(in: 0..<coupons.count, using: &random)]
        let isEarly = Bool.random(using: &random)
        let closed = Int64.random(in: 0...(isEarly ? 300_000 : troubleEnds / 2), using: &random)
        line.at(closed) { [self] in apply(CouponChange(state: .closed), to: id) }
        for _ in 1...4 {
            let time = Int64.random(in: closed...troubleEnds, using: &random)
            let kind = Int.random(in: 0...5, using: &random)
            line.at(time) { [self] in
                switch kind {
                case 0: apply(CouponChange(isArchived: false), to: id)
                case 1...2: apply(CouponChange(isArchived: true), to: id)
                default: delete(id)
                }
            }
        }
    }

    private func delete(_ id: CouponID) {
        ask("to delete coupon \(id.rawValue)", for: id) { keeper, deadline throws(BackendError) in
            try keeper.delete(id, by: .sample, deadline: deadline)
        }
    }

    /// Makes an admin's change race with requests for the coupon, and with a subscription that breaks.
    private func race(for id: CouponID) {
        for _ in 1...3 {
            let user = users[line.draw(0...users.count - 1)]
            line.after(line.random(0...25_000)) { [self] in clients.wish(for: id, by: user) }
        }
        if line.chance(300) {
            line.pick(daemons)?.anySubscription.cut(noticedAfter: line.random(0...20_000))
        }
    }

    private func apply(_ change: CouponChange, to id: CouponID) {
        ask("to change coupon \(id.rawValue): \(change)", for: id) {
            keeper, deadline throws(BackendError) in
            try keeper.update(id, change, by: .sample, deadline: deadline)
        }
    }

    private func ask(
        _ what: String, for id: CouponID,
        _ call: @escaping (CouponKeeper, MonotonicTime) throws(BackendError) -> Coupon
    ) {
        guard let daemon = line.pick(daemons.filter(\.isAlive)) else { return }
        let deadline = MonotonicTime(nanoseconds: (line.now + 2_000_000) * 1_000)
        race(for: id)
        line.note("admin", "asks \(daemon.name) \(what)")
        daemon.after(line.delay()) { [self] in
            daemon.changes += 1
            daemon.submit { [self] keeper in
                defer { daemon.changes -= 1 }
                let result = Result { () throws(BackendError) in
                    try call(keeper, deadline)
                }.mapError(keeper.failure)
                guard daemon.isAlive else { return }
                line.note(daemon.name, "answers the admin: \(result)")
            }
        }
    }
}
