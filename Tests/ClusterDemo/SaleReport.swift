/// The answers that users got, and which of the acceptances among them the tables do not have.
internal import CouponCore
internal import HistoryChecker

/// The figures of a sale, for people.
struct SaleReport {
    private let history: History
    private let kept: Set<Acceptance>

    /// A sequence that a user got.
    private struct Acceptance: Hashable, Comparable {
        let coupon: CouponID
        let sequence: Int64
        let user: UserID

        static func < (left: Self, right: Self) -> Bool {
            (left.coupon, left.sequence) < (right.coupon, right.sequence)
        }
    }

    /// - Parameter tables: when all is issued.
    init(_ history: History, _ tables: Tables) {
        self.history = history
        kept = Set(
            (tables.issues + tables.rejections + tables.deadLetters).map {
                Acceptance(coupon: $0.coupon, sequence: $0.sequence, user: $0.user)
            })
    }

    /// How many calls had each answer.
    var answers: [String] {
        let names = history.calls.map { call in
            String(call.end.text.prefix { !$0.isNumber && $0 != "(" && $0 != "," })
        }
        return Dictionary(grouping: names) { $0 }.sorted { $0.key < $1.key }.map {
            "  \($0.key.trimmed) \($0.value.count)"
        }
    }

    /// The acceptances that were answered, and are gone.
    var lost: [String] {
        let answered = Set(
            history.calls.compactMap { call in
                call.acceptedSequence.map {
                    Acceptance(coupon: call.coupon, sequence: $0, user: call.user)
                }
            })
        let gone = answered.subtracting(kept).sorted()
        guard !gone.isEmpty else { return ["lost: none of \(answered.count) answered acceptances"] }
        return ["lost: \(gone.count) of \(answered.count) answered acceptances"]
            + gone.prefix(20).map {
                "  coupon \($0.coupon.rawValue), user \($0.user.rawValue), sequence \($0.sequence)"
            } + (gone.count > 20 ? ["  and \(gone.count - 20) more"] : [])
    }
}

extension String {
    fileprivate var trimmed: String {
        String(reversed().drop { $0 == " " }.reversed())
    }
}
