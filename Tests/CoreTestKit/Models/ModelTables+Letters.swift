/// Dead letters and the decisions on them (rule 46).
public import CouponCore

extension ModelTables {
    /// A rejection that is a dead letter.
    public struct Letter: Sendable {
        /// Its number.
        public let id: Int64
        /// What was accepted, and where.
        public let rejection: Rejection
        /// What became of it.
        public fileprivate(set) var state = DeadLetter.State.held
        /// Whether the gate has the decision.
        public var isSynced = true

        init(id: Int64, rejection: Rejection) {
            self.id = id
            self.rejection = rejection
        }

        /// Whether a load reads it as held, whatever its user was accepted for later.
        var goesFirst: Bool { state == .held || state == .redriven && !isSynced }

        /// Whether it has its slot until the gate takes the decision, if its user was not accepted again.
        var keepsSlot: Bool { state == .discarded && !isSynced }

        /// As the daemon reads it.
        public var deadLetter: DeadLetter {
            DeadLetter(
                id: id, accepted: rejection.accepted, position: rejection.position,
                error: "refused",
                state: state, createdAt: .zero)
        }
    }

    /// Letters whose decision the gate does not have.
    public var unsyncedLetters: [Letter] { letters.filter { !$0.isSynced } }

    /// The letter that a rejection is.
    func letter(of rejection: Rejection) -> Letter? {
        guard rejection.reason == .deadLetter else { return nil }
        return letters.first {
            $0.rejection.accepted == rejection.accepted
                && $0.rejection.position == rejection.position
        }
    }

    /// A rejection as it is now; nil if it is a letter that was redriven.
    func current(_ rejection: Rejection) -> Rejection? {
        switch letter(of: rejection)?.state {
        case nil, .held: rejection
        case .redriven: nil
        case .discarded:
            Rejection(
                accepted: rejection.accepted, position: rejection.position, reason: .discarded,
                issued: nil)
        }
    }

    /// Why a letter cannot be redriven; nil if it can.
    public func faultOfRedriving(_ letter: Letter) -> String? {
        let accepted = letter.rejection.accepted
        guard let coupon = coupons[accepted.coupon] else { return "there is no coupon" }
        if coupon.isSoldOut { return "the total is used up" }
        return issues[accepted.coupon]?[accepted.user] == nil ? nil : "the user has the coupon"
    }

    /// Decides a held letter.
    public mutating func decide(_ id: Int64, _ state: DeadLetter.State, now: Timestamp) {
        guard let index = letters.firstIndex(where: { $0.id == id }) else { return }
        letters[index].state = state
        letters[index].isSynced = false
        guard state == .redriven else { return }
        let accepted = letters[index].rejection.accepted
        issues[accepted.coupon, default: [:]][accepted.user] = Issue(
            sequence: accepted.sequence, requestID: accepted.requestID, at: now)
        coupons[accepted.coupon]?.issued += 1
        if coupons[accepted.coupon]?.isSoldOut == true { coupons[accepted.coupon]?.version += 1 }
    }

    /// The gate has a decision.
    public mutating func didSync(_ id: Int64) {
        guard let index = letters.firstIndex(where: { $0.id == id }) else { return }
        letters[index].isSynced = true
    }

    /// How many letters of a coupon were redriven or discarded without the gate knowing it.
    func unsynced(_ state: DeadLetter.State, of coupon: CouponID) -> Int64 {
        Int64(
            letters.count {
                !$0.isSynced && $0.state == state && $0.rejection.accepted.coupon == coupon
                    && !(state == .discarded && isAcceptedAgain($0))
            })
    }

    /// Whether the user of a discarded letter was accepted with another request: then the gate had the
    /// decision, although the letter does not say so.
    private func isAcceptedAgain(_ letter: Letter) -> Bool {
        let (accepted, place) = (letter.rejection.accepted, Self.place(of: letter.rejection))
        if issues[accepted.coupon]?[accepted.user] != nil { return true }
        return rejections.contains {
            $0.accepted.coupon == accepted.coupon && $0.accepted.user == accepted.user
                && (self.letter(of: $0)?.goesFirst == true || Self.place(of: $0) > place)
        }
    }

    private static func place(of rejection: Rejection) -> (Position, Int64) {
        (rejection.position, rejection.accepted.sequence)
    }

    /// Users whose letter was redriven while the gate does not know that yet.
    func redrivenUsers(of coupon: CouponID) -> Set<UserID> {
        Set(
            letters.lazy.filter {
                !$0.isSynced && $0.state == .redriven && $0.rejection.accepted.coupon == coupon
            }.map(\.rejection.accepted.user))
    }
}
