// How a script that changes a coupon at the gate ended.

/// How an update of a record ended. It brought a change, or the decision on a dead letter.
public enum SetResult: Equatable, Sendable {
    /// The gate holds this version, or a later one.
    case current
    /// The gate does not hold the coupon: its next load brings this version.
    case notLoaded
    /// A load brings the coupon without this decision, or its letter is not settled: send it again later.
    case loading
    /// The gate has another epoch, or is not open.
    case stale
}

/// How setting a cap ended.
public enum CapResult: Equatable, Sendable {
    /// The gate accepts no more requests than the cap allows.
    case capped
    /// More slots are used already.
    case refused(used: Int64)
    /// The gate does not hold the coupon: load it first.
    case notLoaded
    /// The gate has another epoch, or is not open.
    case stale
}

/// How the removal of a coupon ended.
public enum RemoveResult: Equatable, Sendable {
    /// The gate does not hold it.
    case removed
    /// The coupon has queued requests, so it stays.
    case queued
    /// The gate has another epoch, or is not open.
    case stale
}
