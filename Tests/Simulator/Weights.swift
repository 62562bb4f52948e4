/// What it takes to move things: in a part of the plays each entry, holder, row and key takes its time, and
/// a lot of it, so that the few that a play has stand for millions. What is 30 ms for a page of thousands in
/// a real Redis is up to half a second for a page of one or two here, beside the same limits: a session ends
/// after 2 s of silence, a statement after 1 s.
import CouponCore
import Models

struct Weights {
    /// Microseconds for each queue entry that one call reads.
    private(set) var entry: Int64 = 0
    /// For each request of a batch that is issued.
    private(set) var request: Int64 = 0
    /// For each holder that is written into a gate.
    private(set) var holder: Int64 = 0
    /// For each row that is read from PostgreSQL to know a coupon's holders.
    private(set) var row: Int64 = 0
    /// For each key that a sweep looks at.
    private(set) var key: Int64 = 0
    /// A batch of more requests than that takes longer than a statement may, unless it is one entry; nil
    /// where PostgreSQL is fast.
    private(set) var longestBatch: Int?
    static let statementTimeout = Int64(Limits.issuingMilliseconds) * 1_000
    /// What a batch that took too long costs its partition: that time, and a rest of six times as much.
    private static let lostBatch = 7 * statementTimeout
    /// Whether a play has weights at all; some of them may be 0.
    let isDrawn: Bool
    /// How many things a call may move that moves a page of them.
    let page: Int

    /// - Parameter share: how many of a thousand plays have weights. They are drawn from a source of their
    ///   own: a play without them is the same as ever.
    init(seed: UInt64, share: Int) {
        var random = SplitMix64(seed: ~seed)
        random = SplitMix64(seed: random.next() ^ seed)
        isDrawn = Int.random(in: 0...999, using: &random) < share
        guard isDrawn else {
            page = Int.max
            return
        }
        if Int.random(in: 0...999, using: &random) < 250 {
            page = Int.random(in: 4...8, using: &random)
            longestBatch = Int.random(in: 1...2, using: &random)
        } else {
            page = Int.random(in: 1...3, using: &random)
        }
        // No page may take longer than half a second: whoever asks for one must be able to wait for it.
        func weight(_ longest: Int64) -> Int64 {
            if Int.random(in: 0...999, using: &random) < 300 { return 0 }
            return Int64.random(in: longest / 10...longest, using: &random) / Int64(page)
        }
        entry = weight(500_000)
        request = weight(200_000)
        holder = weight(500_000)
        row = weight(300_000)
        key = weight(500_000)
    }

    /// The same while nothing weighs anything.
    var light: Weights {
        var light = self
        (light.entry, light.request, light.holder, light.row, light.key) = (0, 0, 0, 0, 0)
        light.longestBatch = nil
        return light
    }

    // MARK: What a call takes

    /// To read so many entries of a queue.
    func entries(_ count: Int) -> Int64 { Int64(count) * entry }

    /// To issue to so many users.
    func requests(_ count: Int) -> Int64 { Int64(count) * request }

    /// To write so many holders into a gate.
    func holders(_ count: Int) -> Int64 { Int64(count) * holder }

    /// To read so many holders from PostgreSQL.
    func rows(_ count: Int) -> Int64 { Int64(count) * row }

    /// To look at so many keys.
    func keys(_ count: Int) -> Int64 { Int64(count) * key }

    /// All that there is, once: requests are read, issued, and told to the gate, as rows are.
    func moving(_ requests: Int, _ redis: ModelRedis, _ tables: ModelTables) -> Int64 {
        let known = tables.issues.values.reduce(tables.rejections.count) { $0 + $1.count }
        return Int64(requests) * (entry + request) + holders(requests + known) + rows(known)
            + keys(redis.keyCount)
    }

    /// What is lost with batches that are too long: a page of eight is halved three times until one entry is
    /// left, and whoever then tries longer ones again may do so once for each request.
    func trying(_ requests: Int) -> Int64 {
        longestBatch == nil ? 0 : Int64(requests + 3) * Self.lostBatch
    }
}

extension ModelRedis {
    /// A gate and a queue for each partition, a record and its holders for each coupon of each epoch.
    fileprivate var keyCount: Int {
        partitions.reduce(0) { $0 + 2 + 2 * $1.coupons.count }
    }
}

extension Batch {
    /// Of how many users it decides.
    var requestCount: Int { items.reduce(0) { $0 + $1.requestCount } }
}
