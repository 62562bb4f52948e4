/// How long it takes to move things. In some plays each entry, holder, row and key takes so long that a few
/// of them stand for millions: a page of one or two takes up to half a second, where a page of thousands
/// takes 30 ms in a real Redis. The limits are the real ones: a session ends after 2 s of silence, a
/// statement after 1 s.
import CouponCore
import CoreTestKit

struct Weights {
    /// Microseconds for each queue entry that one call reads.
    private(set) var entry: Int64 = 0
    /// For each request of a batch that is issued.
    private(set) var request: Int64 = 0
    /// For each holder that is written into a gate.
    private(set) var holder: Int64 = 0
    /// For each row of a coupon's holders that is read from PostgreSQL.
    private(set) var row: Int64 = 0
    /// For each key that a sweep looks at.
    private(set) var key: Int64 = 0
    /// A batch with more requests takes longer than a statement may, unless it is one entry. Nil if
    /// PostgreSQL is fast.
    private(set) var longestBatch: Int?
    static let statementTimeout = Int64(Limits.issuingMilliseconds) * 1_000
    /// What a batch that takes too long costs its partition: the timeout, and a rest of six times as long.
    private static let lostBatch = 7 * statementTimeout
    /// Whether a play has weights at all; some of them may be 0.
    let isDrawn: Bool
    /// The size of a page.
    let page: Int

    /// - Parameter share: how many of a thousand plays have weights. They have a random source of their own,
    ///   so that plays without weights do not change.
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
        // No page takes longer than half a second, because its caller must be able to wait for it.
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

    /// The same with all weights 0.
    var light: Weights {
        var light = self
        (light.entry, light.request, light.holder, light.row, light.key) = (0, 0, 0, 0, 0)
        light.longestBatch = nil
        return light
    }

    // MARK: What a call takes

    /// The time to read so many queue entries.
    func entries(_ count: Int) -> Int64 { Int64(count) * entry }

    /// The time to issue so many requests.
    func requests(_ count: Int) -> Int64 { Int64(count) * request }

    /// The time to write so many holders into a gate.
    func holders(_ count: Int) -> Int64 { Int64(count) * holder }

    /// The time to read so many holders from PostgreSQL.
    func rows(_ count: Int) -> Int64 { Int64(count) * row }

    /// The time to sweep so many keys.
    func keys(_ count: Int) -> Int64 { Int64(count) * key }

    /// The time to move everything once: requests are read, issued and written to the gate, and so are rows.
    func moving(_ requests: Int, _ redis: ModelRedis, _ tables: ModelTables) -> Int64 {
        let known = tables.issues.values.reduce(tables.rejections.count) { $0 + $1.count }
        return Int64(requests) * (entry + request) + holders(requests + known) + rows(known)
            + keys(redis.keyCount)
    }

    /// The time lost with batches that are too long: a page of eight is halved three times until one entry is
    /// left, and longer batches may be tried again once for each request.
    func trying(_ requests: Int) -> Int64 {
        longestBatch == nil ? 0 : Int64(requests + 3) * Self.lostBatch
    }
}

extension ModelRedis {
    /// Two keys for each partition (gate and queue), and two for each coupon of each epoch (record and
    /// holders).
    fileprivate var keyCount: Int {
        partitions.reduce(0) { $0 + 2 + 2 * $1.coupons.count }
    }
}

extension Batch {
    /// The number of its requests.
    var requestCount: Int { items.reduce(0) { $0 + $1.requestCount } }
}
