/// What a coupon offers, as far as the gate must know it.
public struct CouponTerms: Hashable, Sendable {
    /// Nil: unlimited.
    public let total: Int64?
    /// Whether requests are accepted.
    public let state: CouponState
    /// When they are accepted. Moments are clamped to what the gate can store.
    public let window: Window
    /// Whether the total is committed.
    public let isSoldOut: Bool

    /// What a coupon offers.
    public init(total: Int64?, state: CouponState, window: Window, isSoldOut: Bool) {
        self.total = total
        self.state = state
        self.window = Window(opens: window.opens.storable, closes: window.closes.storable)
        self.isSoldOut = isSoldOut
    }
}

extension CouponTerms: CustomStringConvertible {
    /// For people, on one line.
    public var description: String {
        "\(total.map { "\($0)" } ?? "unlimited"), \(state), open from \(window.opens.microseconds)"
            + " to \(window.closes.microseconds) µs\(isSoldOut ? ", sold out" : "")"
    }
}

extension Coupon {
    /// As the gate must know it.
    public var terms: CouponTerms {
        CouponTerms(total: total, state: state, window: window, isSoldOut: isSoldOut)
    }
}

extension Timestamp {
    fileprivate var storable: Timestamp {
        Timestamp(microseconds: min(max(0, microseconds), Limits.maximumMicroseconds))
    }
}
