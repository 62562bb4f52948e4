import TestWorld
import CouponCore
import CouponWire
import Synchronization

/// A daemon of one coupon that decides and issues at once: how a sale looks when nothing is
/// wrong, or when one thing is.
final class ModelDaemon: Sendable {
    /// What is wrong with it.
    enum Fault: Sendable {
        case none
        /// One row is missing.
        case losesARow
        /// One user gets another sequence than its row has.
        case answersAWrongSequence
        /// One more than the total is issued.
        case overIssues
        /// A worker still remembers the coupon as open.
        case forgetsToClose
        /// A connection is cut in the middle of the sale.
        case hangsUp
        /// Has a second coupon with a row too few, and cannot read the first one's accounts.
        case cannotAuditTheFirst
        /// Cannot read any accounts.
        case cannotAudit
    }

    private struct State: Sendable {
        var coupon: Coupon?
        var sequences: [UserID: Int64] = [:]
        var requests = 0
    }

    private let fault: Fault
    private let state = Mutex(State())

    init(_ fault: Fault = .none) { self.fault = fault }

    /// Answers a request.
    func reply(_ request: Request) -> CannedDaemon.Reply {
        state.withLock { state in
            switch request.method {
            case .issue(let issue): self.issue(issue, &state)
            case .couponStatus(_, let user): self.status(user, state)
            case .serverInfo: .answer(.serverInfo(Self.info))
            case .createCoupon(let coupon): self.create(coupon, &state)
            case .getCoupon: Self.answer(state.coupon)
            case .listCoupons(let after, _, _):
                .answer(.coupons(self.coupons(state).filter { $0.id > after }))
            case .auditCoupon(let id): self.audit(id, state)
            default: .answer(.failure(Failure(.unimplemented, "not here")))
            }
        }
    }

    private static let info = ServerInfo(
        version: "model", partitions: 1, maximumFrameBytes: Limits.frameBytes,
        now: Timestamp(microseconds: 1_772_355_600_000_000))

    private static func answer(_ coupon: Coupon?) -> CannedDaemon.Reply {
        .answer(coupon.map { .coupon($0) } ?? .failure(Failure(.notFound, "no such coupon")))
    }

    private func create(_ coupon: Coupon, _ state: inout State) -> CannedDaemon.Reply {
        guard state.coupon == nil else {
            return .answer(.failure(Failure(.alreadyExists, "the id is taken")))
        }
        state.coupon = coupon
        return .answer(.coupon(coupon))
    }

    private func issue(_ request: IssueRequest, _ state: inout State) -> CannedDaemon.Reply {
        state.requests += 1
        if fault == .hangsUp, state.requests == 10 { return .hangUp }
        guard let total = state.coupon?.total else { return .answer(.issue(.notFound)) }
        if let sequence = state.sequences[request.user] {
            return .answer(.issue(.duplicate(sequence: sequence, state: .issued)))
        }
        let taken = Int64(state.sequences.count)
        guard taken < total + (fault == .overIssues ? 1 : 0) else {
            return .answer(.issue(.soldOut))
        }
        state.sequences[request.user] = taken + 1
        let sequence = fault == .answersAWrongSequence && taken == 0 ? 2 : taken + 1
        return .answer(.issue(.accepted(sequence: sequence)))
    }

    private func status(_ user: UserID?, _ state: State) -> CannedDaemon.Reply {
        guard let coupon = state.coupon else {
            return .answer(.failure(Failure(.notFound, "no such coupon")))
        }
        let sequence = user.flatMap { state.sequences[$0] }
        let isMissing = fault == .losesARow && sequence == 1
        return .answer(
            .couponStatus(
                CouponStatus(
                    coupon: coupon, accepted: Int64(state.sequences.count), queued: 0,
                    user: isMissing
                        ? .none
                        : sequence.map { .issued(sequence: $0, at: Self.info.now) } ?? .none)))
    }

    private func coupons(_ state: State) -> [Coupon] {
        guard let coupon = state.coupon else { return [] }
        let other = Coupon(
            id: CouponID(coupon.id.rawValue + 1), title: coupon.title, total: coupon.total,
            window: coupon.window)
        return fault == .cannotAuditTheFirst ? [coupon, other] : [coupon]
    }

    private func audit(_ id: CouponID, _ state: State) -> CannedDaemon.Reply {
        guard let coupon = state.coupon else {
            return .answer(.failure(Failure(.notFound, "no such coupon")))
        }
        if fault == .cannotAudit || fault == .cannotAuditTheFirst && id == coupon.id {
            return .answer(.failure(.unavailable("PostgreSQL is not reachable")))
        }
        let used = Int64(state.sequences.count)
        let isFull = used >= coupon.total ?? .max
        var figures = Figures()
        figures.total = coupon.total
        figures.rows = used - (fault == .losesARow || fault == .cannotAuditTheFirst ? 1 : 0)
        figures.counted = figures.rows
        figures.used = used
        figures.last = used
        figures.soldOut = isFull
        figures.closed = isFull ? (fault == .forgetsToClose ? 1 : 2) : 0
        return .answer(.audit(figures.audit))
    }
}
