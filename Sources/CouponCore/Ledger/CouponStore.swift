/// What the daemon asks of PostgreSQL besides issuing and auditing.
///
/// Blocking, and confined to one thread. After `sessionLost` the next call connects again.
public protocol CouponStore: CouponReads, CouponChanges, DeadLetterStore, TrailStore {}
