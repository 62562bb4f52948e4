/// Searches the holders of a partition for those who were accepted at some positions. Of a queue entry whose
/// bytes are damaged, nothing but its position is known.
///
/// A partition may have ten million holders, so the search runs in slices and remembers where it is.
public struct HolderSearch: Equatable, Sendable {
    /// A coupon of an epoch whose holders must be searched.
    public struct Place: Equatable, Sendable {
        /// The epoch in which it was loaded.
        public let epoch: Epoch
        /// The coupon.
        public let coupon: CouponID

        /// A coupon of an epoch.
        public init(epoch: Epoch, coupon: CouponID) {
            self.epoch = epoch
            self.coupon = coupon
        }
    }

    /// The positions of the damaged entries.
    public let positions: Set<Position>
    /// Who was found so far, by position.
    public private(set) var found: [Position: Set<AcceptedRequest>] = [:]
    /// The epochs whose coupons are still to be listed; nil before they are known.
    public var epochs: [Epoch]?
    /// Coupons that were listed and are not searched yet.
    public var places: [Place] = []
    /// Redis' cursor in the list of coupons of the last epoch in `epochs`.
    public var listCursor = "0"
    /// Redis' cursor in the holders of the last place.
    public var holderCursor = "0"

    /// A search that has not begun.
    public init(positions: Set<Position>) { self.positions = positions }

    /// Whether all holders were searched.
    public var isOver: Bool { epochs?.isEmpty == true && places.isEmpty }

    /// Adds a holder to `found` if the request was accepted at one of the positions.
    public mutating func look(at user: UserID, _ holder: GateHolder, of coupon: CouponID) {
        guard positions.contains(holder.position) else { return }
        found[holder.position, default: []].insert(
            AcceptedRequest(
                coupon: coupon, user: user, sequence: holder.sequence, requestID: holder.requestID))
    }

    /// Those who were accepted at a position, in order.
    public func holders(at position: Position) -> [AcceptedRequest] {
        found[position, default: []]
            .sorted { ($0.coupon, $0.sequence) < ($1.coupon, $1.sequence) }
    }
}
