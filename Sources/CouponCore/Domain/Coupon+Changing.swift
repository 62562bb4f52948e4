/// What an admin may change, and what a change is.
extension Coupon {
    /// The coupon after a change; its version is still the old one.
    public func changed(by change: CouponChange) -> Coupon {
        var changed = self
        if let title = change.title { changed.title = title }
        if let total = change.total { changed.total = total }
        changed.window = Window(
            opens: change.opens ?? window.opens, closes: change.closes ?? window.closes)
        if let state = change.state { changed.state = state }
        return changed
    }

    /// Why a change is not allowed; nil where it is.
    public func fault(after before: Coupon) -> String? {
        if before.state == .closed && state != .closed { return "a closed coupon stays closed" }
        if window.opens >= window.closes { return "the window closes before it opens" }
        if let total, total <= 0 { return "the total must be positive" }
        if let total, total < issued {
            return "the total cannot be \(total): \(issued) are issued"
        }
        return nil
    }

    /// Whether fewer may be issued than before.
    public func isLower(than before: Coupon) -> Bool {
        guard let total else { return false }
        return before.total.map { total < $0 } ?? true
    }
}
