/// Coupons that are filling, as far as the worker knows (rule 53).
///
/// Each user who was accepted for such a coupon is at the gate or in PostgreSQL, and the gate may not have
/// all of them yet. So PostgreSQL is asked about each user first, and the gate only about users who have
/// nothing.
final class Fillings {
    private var coupons: [CouponID: Clearing] = [:]

    /// Whether none is known.
    var isEmpty: Bool { coupons.isEmpty }

    /// What a request for the coupon must have to be judged; nil if the coupon is not known to be filling.
    subscript(coupon: CouponID) -> Clearing? { coupons[coupon] }

    /// The gate says that a coupon is filling.
    /// - Returns: whether that is new.
    func add(_ coupon: CouponID, _ clearing: Clearing) -> Bool {
        guard let known = coupons.updateValue(clearing, forKey: coupon) else { return true }
        // Calls are answered in order, but keep the latest in any case.
        if known.epoch == clearing.epoch, known.rev > clearing.rev { coupons[coupon] = known }
        return false
    }

    /// Its load has ended, or its gate has another epoch.
    func remove(_ coupon: CouponID) { coupons[coupon] = nil }
}

/// Says that PostgreSQL was asked about a user after the gate had this epoch and `rev`, and that PostgreSQL
/// had nothing.
struct Clearing: Equatable, Sendable {
    let epoch: Epoch
    let rev: Int64
}

extension Worker {
    /// The gate has not judged requests of a coupon, because it is filling. The load is asked for again: the
    /// daemon that began it may be gone.
    func fill(_ coupon: CouponID, epoch: Epoch, rev: Int64) {
        guard fillings.add(coupon, Clearing(epoch: epoch, rev: rev)) else { return }
        host.load(coupon)
        // If the lane has no room it says so at once, and the coupon is not filling any more. The gate would
        // be asked again, and say the same, without end.
        if fillings[coupon] != nil { return }
        for number in batches.removeAll(of: coupon) {
            failUnjudged(number, .exhausted("too many loads are waiting"))
        }
        batches.finishTurn(of: coupon)
    }

    /// Looks up the users of a coupon that is filling, before its next call; cleared requests stay in line.
    /// - Returns: what the call says of its requests; see `GateQuestion.clearedAt`.
    func clearRequests(of coupon: CouponID, _ partition: PartitionID) -> Int64 {
        guard let clearing = fillings[coupon] else { return 0 }
        guard clearing.epoch == known.book.epoch(of: partition) else {
            fillings.remove(coupon)
            return 0
        }
        let others = batches.removeAll(of: coupon) {
            tickets[$0]?.clearing != clearing
        }
        for number in others {
            guard let ticket = tickets[number] else { continue }
            recalls.add(
                .init(
                    ticket: number, user: CouponUser(user: ticket.request.user, coupon: coupon),
                    otherwise: .ask(clearing)))
        }
        askRecalls()
        return clearing.rev
    }
}
