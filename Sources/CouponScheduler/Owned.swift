/// What the scheduler remembers of a partition that it owns. Losing the session forgets all of it.
import CouponCore

struct Owned {
    /// Epoch and cursor as last read or committed; nil: read PostgreSQL first. Staleness is harmless, the
    /// issuing transaction moves the cursor from exactly this value (rule 19).
    var row: PartitionRow?
    /// The gate and what is queued after `row`'s cursor, as settling the last batch found them.
    var view: GateView?
    /// There may be entries to issue.
    var isReady = true
    /// The next heartbeat while there is nothing to issue, with a look at the gate (rule 24).
    var checkAt: MonotonicTime
    /// Keys of earlier epochs lie about.
    var needsSweep = true
    /// Failures in a row, and until when they keep the partition waiting.
    var failures = 0
    var waitsUntil: MonotonicTime?

    init(now: MonotonicTime) { checkAt = now }

    /// Everything read is thrown away; the next step starts from PostgreSQL (rule 20).
    mutating func forget() {
        row = nil
        view = nil
        isReady = true
    }

    /// Back-off: 50 ms doubling to 2 s, half of it jitter.
    mutating func backOff(now: MonotonicTime, using random: inout SplitMix64) {
        forget()
        let longest = min(Int64(50) << Int64(min(failures, 10)), 2_000)
        failures += 1
        waitsUntil = now.advanced(
            byMilliseconds: longest / 2 + Int64.random(in: 0...(longest / 2), using: &random))
    }

    mutating func succeed() {
        failures = 0
        waitsUntil = nil
    }

    /// Whether there may be something to do now.
    func isDue(_ now: MonotonicTime) -> Bool {
        isReady && waitsUntil.map { now >= $0 } ?? true
    }

    /// The row, where a heartbeat is due.
    func rowToShow(_ now: MonotonicTime) -> PartitionRow? {
        isReady || now < checkAt ? nil : row
    }

    /// Takes what was read beforehand; used once.
    mutating func takeView() -> GateView? {
        defer { view = nil }
        return view
    }
}
