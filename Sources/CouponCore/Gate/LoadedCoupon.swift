/// A coupon for the gate, with its holders (rules 30 and 32).
public struct LoadedCoupon: Equatable, Sendable {
    /// What PostgreSQL said of it before its holders were read.
    public let marks: LoadMarks
    /// Those of its holders who are not staged yet.
    public let holders: [LoadedHolder]
    /// How many holders there are, staged ones included.
    public let holderCount: Int64
    /// Its issued users come later (rule 53).
    public let isFilling: Bool

    /// A coupon for the gate.
    /// - Parameter staged: how many holders are staged already.
    public init(
        marks: LoadMarks, holders: [LoadedHolder] = [], staged: Int64 = 0, isFilling: Bool = false
    ) {
        self.marks = marks
        self.holders = holders
        self.isFilling = isFilling
        holderCount = staged + Int64(holders.count)
    }
}

/// A coupon as committed, with figures that show whether its holders have changed since.
///
/// Each request that is decided moves `lastSequence`. The decision on a dead letter changes no figure that is
/// compared, until the gate has it: a load leaves such decisions out, and the gate gets them after the load.
/// So if the marks before and after the pages are equal, the holders are those of one moment, however many
/// letters were decided in between.
public struct LoadMarks: Equatable, Sendable {
    /// As PostgreSQL has it.
    public let coupon: Coupon
    /// Its held dead letters that have a user: each keeps a slot.
    public let held: Int64
    /// Its redriven letters of which the gate does not know yet. Each has an issue.
    public let redriven: Int64
    /// Its discarded letters of which the gate does not know yet: those whose users were not accepted again.
    public let discarded: Int64

    /// Marks of a coupon.
    public init(coupon: Coupon, held: Int64, redriven: Int64 = 0, discarded: Int64 = 0) {
        self.coupon = coupon
        self.held = held
        self.redriven = redriven
        self.discarded = discarded
    }

    /// Used slots, without those of queued requests.
    public var used: Int64 { coupon.issued + held + discarded }

    /// The sequence of the next request, if none is queued.
    public var nextSequence: Int64 { coupon.lastSequence + 1 }

    /// Whether the gate does not know of some decision on a dead letter.
    public var hasUnsynced: Bool { redriven + discarded > 0 }

    /// Whether the holders are still those of `earlier`.
    public func haveSameHolders(as earlier: LoadMarks) -> Bool {
        coupon.issued - redriven == earlier.coupon.issued - earlier.redriven
            && coupon.lastSequence == earlier.coupon.lastSequence
            && letters == earlier.letters
    }

    /// Letters that the gate must have as held.
    private var letters: Int64 { held + redriven + discarded }
}

/// A user that the gate must have as a holder.
public struct LoadedHolder: Equatable, Sendable {
    /// Who.
    public let user: UserID
    /// What the gate keeps of them.
    public let holder: GateHolder

    /// A user that the gate must have as a holder.
    public init(user: UserID, holder: GateHolder) {
        self.user = user
        self.holder = holder
    }
}

/// A coupon in the gate of its partition, in one epoch.
public struct CouponPlace: Equatable, Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// Its partition.
    public let partition: PartitionID
    /// The gate's epoch.
    public let epoch: Epoch

    /// A place.
    public init(_ coupon: CouponID, _ partition: PartitionID, epoch: Epoch) {
        self.coupon = coupon
        self.partition = partition
        self.epoch = epoch
    }
}

/// Names one attempt to load coupons.
public typealias LoadNumber = UInt64

/// The result of claiming a coupon for a load.
public enum ClaimResult: Equatable, Sendable {
    /// This load has the claim.
    case claimed
    /// This load has the claim, and the coupon is filling: only its issued users are missing (rule 53).
    case filling
    /// The gate holds the coupon already.
    case alreadyLoaded
    /// Another load has the claim and makes progress. If the coupon is filling, it takes requests already.
    case elsewhere(isFilling: Bool)
    /// The gate has another epoch, or is not open.
    case stale
}

/// What a load did.
public enum LoadResult: Equatable, Sendable {
    /// Written.
    case loaded
    /// The gate holds the coupon already.
    case alreadyLoaded
    /// Epoch, status or claim has changed: read the gate and try again.
    case superseded
    /// Not as many holders are staged as there should be: they have changed. The staged ones are removed.
    case incomplete
}
