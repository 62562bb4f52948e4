/// Requests for coupons that the gate does not hold.
extension Worker {
    /// Adds a coupon that the gate does not hold to the next question to PostgreSQL; `askLookups` asks it.
    func prepareLookup(of missing: Lookups.Missing) {
        if !lookups.add(missing) {
            didLoad(
                missing.coupon,
                .failed(.exhausted("too many coupons are waiting to be looked up")))
        }
    }

    /// The last lookup has ended.
    /// - Parameter result: those of the coupons that exist.
    public func didLookUp(_ result: Result<[CouponID: Coupon], Failure>) {
        for missing in lookups.end() {
            switch result {
            case .success(let existing):
                if let coupon = existing[missing.coupon] {
                    didFind(coupon, missing)
                } else {
                    didLoad(missing.coupon, .absent)
                }
            case .failure(let failure): didLoad(missing.coupon, .failed(failure))
            }
        }
        askLookups()
    }

    private func didFind(_ coupon: Coupon, _ missing: Lookups.Missing) {
        if let reason = DoorReason(ofFinished: coupon, now: missing.now) {
            finish(missing, reason)
        } else {
            host.load(coupon.id)
        }
    }

    func askLookups() {
        let coupons = lookups.begin()
        if !coupons.isEmpty { host.lookUp(coupons) }
    }
}

extension DoorReason {
    /// Why a coupon that is not at the gate, and so has nothing queued, can no longer be issued; nil if it
    /// can.
    fileprivate init?(ofFinished coupon: Coupon, now: Timestamp) {
        let door = Door(
            state: coupon.state, window: coupon.window, isFull: false,
            isSoldOut: coupon.isSoldOut, now: now)
        guard case .closed(let reason) = door else { return nil }
        switch reason {
        case .closed, .ended, .soldOut: self = reason
        case .full, .notOpen, .paused: return nil
        }
    }
}
