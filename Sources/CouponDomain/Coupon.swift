/// Whether a coupon is on offer. Time and quantity are judged separately.
public enum CouponState: UInt8, Sendable, CaseIterable {
    /// Requests are judged by window and quantity.
    case active = 1
    /// Requests are refused until it is resumed.
    case paused = 2
    /// Requests are refused for good.
    case closed = 3
}

/// When a coupon may be requested: `[opens, closes)`, judged by the gate's clock alone.
public struct Window: Hashable, Sendable {
    /// The first moment inside.
    public let opens: Timestamp
    /// The first moment after; `Timestamp.never` if there is none.
    public let closes: Timestamp

    /// - Parameters:
    ///   - opens: the first moment inside.
    ///   - closes: the first moment after; later than `opens`; input from outside is checked before. By
    ///     default there is none.
    public init(opens: Timestamp, closes: Timestamp = .never) {
        self.opens = opens
        self.closes = closes
    }
}

extension Coupon {
    /// A title that was written by SQL may be empty or too long. What no frame or document may hold is cut,
    /// so that the coupon, and the list that it is in, can still be read.
    package static func title(_ text: String) -> String {
        if text.isEmpty { return "?" }
        if text.utf8.count <= Limits.maximumTitleBytes { return text }
        var (start, bytes) = ("", "…".utf8.count)
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            if bytes > Limits.maximumTitleBytes { break }
            start.unicodeScalars.append(scalar)
        }
        return start + "…"
    }
}

/// An offer, as PostgreSQL knows it.
public struct Coupon: Hashable, Sendable {
    /// Its id.
    public let id: CouponID
    /// A short name for people, 1 to `Limits.maximumTitleBytes` bytes of UTF-8.
    public var title: String
    /// How many may be issued; nil is unlimited.
    public var total: Int64?
    /// When it may be requested.
    public var window: Window
    /// Whether it is on offer.
    public var state: CouponState
    /// Rises with every change; a cache never goes back to a lower one.
    public var version: Int64
    /// How many are issued: committed rows.
    public var issued: Int64
    /// The highest sequence that PostgreSQL has decided; 0 if there is none.
    public var lastSequence: Int64
    /// Whether it is archived: then only the list of archived coupons has it.
    public var isArchived: Bool

    /// A coupon as read from PostgreSQL.
    public init(
        id: CouponID, title: String, total: Int64?, window: Window, state: CouponState = .active,
        version: Int64 = 1, issued: Int64 = 0, lastSequence: Int64 = 0, isArchived: Bool = false
    ) {
        self.id = id
        self.title = title
        self.total = total
        self.window = window
        self.state = state
        self.version = version
        self.issued = issued
        self.lastSequence = lastSequence
        self.isArchived = isArchived
    }

    /// Whether all of its total is issued, so that only a raise can open it again.
    public var isSoldOut: Bool { total.map { issued >= $0 } ?? false }

    /// How many may still be issued; nil is unlimited.
    public var remaining: Int64? { total.map { max(0, $0 - issued) } }
}

/// An admin's change of a coupon: what is nil stays.
public struct CouponChange: Equatable, Sendable {
    /// A new title.
    public var title: String?
    /// A new total; `.some(nil)` is unlimited.
    public var total: Int64??
    /// A new first moment of the window.
    public var opens: Timestamp?
    /// A new first moment after the window.
    public var closes: Timestamp?
    /// A new state.
    public var state: CouponState?
    /// Into the archive, or out of it.
    public var isArchived: Bool?

    /// A change; what is nil stays.
    public init(
        title: String? = nil, total: Int64?? = nil, opens: Timestamp? = nil,
        closes: Timestamp? = nil, state: CouponState? = nil, isArchived: Bool? = nil
    ) {
        self.title = title
        self.total = total
        self.opens = opens
        self.closes = closes
        self.state = state
        self.isArchived = isArchived
    }
}

extension Coupon {
    /// The coupon after a change; its version is still the old one.
    public func changed(by change: CouponChange) -> Coupon {
        var changed = self
        if let title = change.title { changed.title = title }
        if let total = change.total { changed.total = total }
        changed.window = Window(
            opens: change.opens ?? window.opens, closes: change.closes ?? window.closes)
        if let state = change.state { changed.state = state }
        if let isArchived = change.isArchived { changed.isArchived = isArchived }
        return changed
    }

    /// Why a change is not allowed; nil if it is allowed.
    public func fault(after before: Coupon) -> String? {
        if before.isArchived && isArchived { return "the coupon is archived: unarchive it first" }
        if isArchived && state != .closed { return "only a closed coupon can be archived" }
        if before.state == .closed && state != .closed { return "a closed coupon stays closed" }
        if window.opens >= window.closes { return "the window closes before it opens" }
        if let total, total <= 0 { return "the total must be positive" }
        if let total, total < issued {
            return "the total cannot be \(total): \(issued) are issued"
        }
        return nil
    }

    /// Whether a change is committed only if the gate agrees: it lowers the total (rule 34), or archives the
    /// coupon (rule 55).
    public func asksGate(after before: Coupon) -> Bool {
        isLower(than: before) || (isArchived && !before.isArchived)
    }

    /// Whether fewer may be issued than before.
    public func isLower(than before: Coupon) -> Bool {
        guard let total else { return false }
        return before.total.map { total < $0 } ?? true
    }
}
