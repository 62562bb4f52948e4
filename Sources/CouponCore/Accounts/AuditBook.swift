/// What an auditor remembers between two looks at a coupon. With it the auditor tells a difference that stays
/// from one that a step in progress explains.
public struct AuditBook: Sendable {
    /// What a look has shown.
    public enum Finding: Equatable, Sendable {
        /// Figures that certainly do not add up; reported again until `actedOn`.
        case drift(Check, attempt: Int)
        /// A coupon that drifted adds up again.
        case mended
    }

    private struct Suspicion {
        var difference: Int64
        var looks = 1
        var isConfirmed = false
        var attempts = 0
        /// Looks that pass before the next attempt.
        var pause = 0
        var isActedOn = false

        /// Which attempt to act on the drift is due at this look; nil in a pause. The second attempt comes
        /// with the next look, those after it with pauses of 1, 3, 7 … 63 looks.
        mutating func nextAttempt() -> Int? {
            guard pause == 0 else {
                pause -= 1
                return nil
            }
            pause = (1 << min(attempts, 6)) - 1
            attempts += 1
            return attempts
        }
    }

    /// Looks, a second apart, after which a change is overdue at the gate: its outbox row is due after two
    /// seconds, and resync may need one more.
    private static let looksUntilOverdue = 5

    private let capacity: Int
    private var suspicions: [CouponID: [String: Suspicion]] = [:]

    /// - Parameter capacity: coupons remembered at most; the auditor's next round finds the others again.
    public init(capacity: Int = Limits.auditSuspects) { self.capacity = capacity }

    /// Coupons to look at again soon, by id.
    public var suspects: [CouponID] { suspicions.keys.sorted() }

    /// How many coupons certainly do not add up.
    public var drifting: Int {
        suspicions.values.count { $0.values.contains(where: \.isConfirmed) }
    }

    /// Applies the checks of one look. A rule that it did not check stays as it was.
    public mutating func apply(_ checks: [Check], of coupon: CouponID) -> [Finding] {
        guard suspicions[coupon] != nil || suspicions.count < capacity else { return [] }
        var known = suspicions[coupon] ?? [:]
        let wasDrifting = known.values.contains(where: \.isConfirmed)
        var findings: [Finding] = []
        for check in checks {
            if check.holds {
                known[check.rule] = nil
            } else if let attempt = record(check, in: &known) {
                findings.append(.drift(check, attempt: attempt))
            }
        }
        suspicions[coupon] = known.isEmpty ? nil : known
        if wasDrifting, !known.values.contains(where: \.isConfirmed) { findings.append(.mended) }
        return findings
    }

    /// A drift was handled: it is not reported again.
    public mutating func actedOn(_ rule: String, of coupon: CouponID) {
        suspicions[coupon]?[rule]?.isActedOn = true
    }

    /// The number of the due attempt for a certain drift; nil if none is due.
    private func record(_ check: Check, in known: inout [String: Suspicion]) -> Int? {
        var suspicion = known[check.rule] ?? Suspicion(difference: check.difference, looks: 0)
        let isSame = suspicion.looks > 0 && suspicion.difference == check.difference
        suspicion.looks += 1
        suspicion.difference = check.difference
        defer { known[check.rule] = suspicion }
        if !suspicion.isConfirmed {
            suspicion.isConfirmed =
                switch check.force {
                case .exact: true
                case .repeated: isSame
                case .lasting: suspicion.looks >= Self.looksUntilOverdue
                }
        }
        guard suspicion.isConfirmed, !suspicion.isActedOn else { return nil }
        return suspicion.nextAttempt()
    }

    /// Forgets the coupons that this daemon does not audit any more.
    public mutating func keep(_ isWanted: (CouponID) -> Bool) {
        suspicions = suspicions.filter { isWanted($0.key) }
    }
}
