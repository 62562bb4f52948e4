/// Reads the holders that the gate must have, page by page: a coupon may have ten million.
///
/// The pages have no common snapshot. The reader compares the marks before and after. Marks and pages leave
/// out decisions on dead letters that the gate does not have yet.
public protocol HolderReader: AnyObject {
    /// Marks of coupons, by id; missing coupons are left out.
    func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks]

    /// The next holders of a coupon: first users whose latest request was rejected and who have no issue,
    /// then issues; of rejected users twice `limit` at most, of issues `limit`.
    func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage

    /// All holders of several coupons; nil if they are more than `limit`.
    func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]?
}

extension HolderReader {
    /// Coupons of few holders for the gate, if these holders are those of one moment (rules 30 and 32).
    /// - Parameters:
    ///   - holders: of all these coupons, read after the marks.
    ///   - earlier: the marks.
    /// - Returns: the coupons whose holders have not changed since.
    public func coupons(
        with holders: [CouponID: [LoadedHolder]], unchangedSince earlier: some Collection<LoadMarks>
    ) throws(BackendError) -> [LoadedCoupon] {
        let before = Dictionary(uniqueKeysWithValues: earlier.map { ($0.coupon.id, $0) })
        return try marks(of: earlier.map(\.coupon.id)).compactMap { now -> LoadedCoupon? in
            let id = now.coupon.id
            guard let earlier = before[id], now.haveSameHolders(as: earlier) else { return nil }
            return LoadedCoupon(marks: now, holders: holders[id] ?? [])
        }
    }
}

/// The question for a page of holders, by one attempt of one load.
public struct PageQuestion: Equatable, Sendable {
    /// Whose holders.
    public let coupon: CouponID
    /// The page begins after it.
    public let place: HolderPlace
    /// How many holders, at most.
    public let limit: Int
    /// A page belongs to the attempt that asked for it: for another one it may be too old.
    public let load: LoadNumber
    /// The number of the attempt.
    public let attempt: Int

    /// A question.
    public init(
        coupon: CouponID, place: HolderPlace, limit: Int, load: LoadNumber, attempt: Int
    ) {
        self.coupon = coupon
        self.place = place
        self.limit = limit
        self.load = load
        self.attempt = attempt
    }
}

/// How far the holders of a coupon have been read.
public enum HolderPlace: Equatable, Sendable {
    /// Rejected users up to this one.
    case refused(UserID)
    /// All rejected users, and issues up to this user.
    case issued(UserID)
    /// All.
    case end

    /// Before the first.
    public static let start = HolderPlace.refused(UserID(0))
}

/// Some holders of a coupon, and where to go on.
public struct HolderPage: Equatable, Sendable {
    /// By user.
    public let holders: [LoadedHolder]
    /// The place after them.
    public let end: HolderPlace

    /// Some holders.
    public init(holders: [LoadedHolder], end: HolderPlace) {
        self.holders = holders
        self.end = end
    }
}
