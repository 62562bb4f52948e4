/// Writes large states directly: rows by SQL, queue entries by a script of XADDs. Only the daemon writes the
/// bytes of gates, records and holders.
internal import CouponCore
internal import TestSupport
internal import TestWorld

/// Coupons of partition 0, where the large states are.
enum Coupons {
    static let partitions: Int64 = 16
    /// The coupon with the large state.
    static let main = CouponID(16)
    /// A small coupon in the same partition.
    static let beside = CouponID(32)
    /// One coupon in each other partition.
    static let elsewhere = (1..<partitions).map { CouponID(16_000 + $0) }

    /// One coupon with a large state in each partition.
    static let large = (0..<partitions).map { CouponID(160_000 + $0) }

    /// Number n of many, all in partition 0.
    static func many(_ number: Int) -> CouponID { CouponID(partitions * Int64(1_000 + number)) }
}

extension Scene {
    /// Makes the tables by starting a daemon, and small coupons in every partition. Afterwards no daemon
    /// runs, and Redis is empty.
    func install() async throws {
        try startDaemon()
        try await ready()
        try await stopDaemons()
        try await world.redis.cli("FLUSHALL")
        try await makeCoupons([Coupons.main, Coupons.beside] + Coupons.elsewhere)
    }

    /// Makes the tables and what the case adds to them, and starts the daemons.
    func setUp(
        _ arguments: [String] = [], adding make: () async throws -> Void = {}
    ) async throws {
        try await install()
        try await make()
        try startDaemons(arguments)
        try await ready()
    }

    /// Writes coupons that are open now, by default unlimited.
    func makeCoupons(_ ids: [CouponID], total: Int? = nil) async throws {
        try await makeCoupons("unnest(ARRAY[\(ids.list)]::bigint[])", total: total)
    }

    /// Writes numbers 0 to count - 1 of the many coupons.
    func makeManyCoupons(_ count: Int, total: Int? = nil, isClosed: Bool = false) async throws {
        let (first, last) = (Coupons.many(0).rawValue, Coupons.many(count - 1).rawValue)
        try await makeCoupons(
            "generate_series(\(first), \(last), \(Coupons.partitions))", total: total,
            isClosed: isClosed)
    }

    private func makeCoupons(
        _ ids: String, total: Int?, isClosed: Bool = false
    ) async throws {
        try await sql(
            """
            INSERT INTO coupond.coupon (id, title, total, opens_at, closes_at, state, version)
            SELECT id, 'volume', \(total.map(String.init) ?? "NULL"), now() - interval '1 minute',
                now() + interval '1 day', \(isClosed ? 3 : 1), 1
            FROM \(ids) AS id
            """)
    }

    /// Writes issues to users 1 to count, for each coupon that meets the condition and has no issues yet.
    func makeRows(_ count: Int, of condition: String) async throws {
        log("writes \(count) rows where \(condition)")
        try await sql(
            """
            SET synchronous_commit = off;
            INSERT INTO coupond.coupon_issue
            SELECT id, n, n, now(), now(), '\\x01'
            FROM coupond.coupon, generate_series(1, \(count)) AS n WHERE \(condition);
            UPDATE coupond.coupon SET issued = \(count), last_sequence = \(count)
            WHERE \(condition);
            """)
        // Or PostgreSQL does so by itself, while something is measured.
        try await sql("VACUUM (ANALYZE) coupond.coupon_issue")
        try await sql("CHECKPOINT")
    }

    func makeRows(_ count: Int, of coupon: CouponID) async throws {
        try await makeRows(count, of: "id = \(coupon.rawValue)")
    }

    /// The number of issues of these coupons, by the count in their rows.
    func issued(_ ids: [CouponID]) async throws -> Int64 {
        try await number(
            "SELECT coalesce(sum(issued), 0)::bigint FROM coupond.coupon WHERE id IN (\(ids.list))")
    }

    /// Waits until a coupon has so many issues.
    func waitForIssues(_ coupon: CouponID, _ count: Int, atMost limit: Int) async throws {
        try await wait(for: "\(count) are issued", atMost: limit) {
            try await issued([coupon]) >= count
        }
    }
}

extension [CouponID] {
    fileprivate var list: String { map { String($0.rawValue) }.joined(separator: ", ") }
}

// MARK: The queue

/// Entries for the queue of a partition.
struct QueueEntries {
    var partition = 0
    /// The coupon of the first entry.
    var coupon = Coupons.main
    /// The difference between the coupon ids of two entries.
    var couponStep: Int64 = 0
    var count: Int
    var requestsPerEntry = 1
    /// User and sequence of the first request.
    var firstUser: Int64 = 1
    var firstSequence: Int64 = 1
    /// What the first entry's script deletes.
    var loses = Loss.nothing

    enum Loss: String {
        case nothing
        /// The partition's gate. Its records and holders stay.
        case gate
        /// All keys of the partition except its queue.
        case rest
    }
}

extension Scene {
    /// Requests in one script. Redis serves no other client while it runs.
    private static let requestsPerScript = 100_000

    /// Adds entries to the queue of a partition that no gate knows: there is no gate, or the first entry's
    /// script deletes it, and no daemon may rebuild it before the last entry.
    func fillQueue(_ entries: QueueEntries) async throws {
        log("puts \(entries.count) entries into the queue")
        var next = entries
        while next.count > 0 {
            let count = min(next.count, max(1, Self.requestsPerScript / next.requestsPerEntry))
            try await add(next, count)
            let requests = Int64(count * next.requestsPerEntry)
            next.loses = .nothing
            next.count -= count
            next.coupon = CouponID(next.coupon.rawValue + Int64(count) * next.couponStep)
            next.firstUser += requests
            next.firstSequence += next.couponStep == 0 ? requests : 0
        }
    }

    private func add(_ entries: QueueEntries, _ count: Int) async throws {
        let place = try await sql(
            """
            SELECT epoch || ' ' || CASE WHEN cursor_epoch = epoch THEN cursor_n ELSE 0 END
            FROM coupond.partition WHERE id = \(entries.partition)
            """
        ).split(separator: " ").map(String.init)
        let answer = try await world.redis.cli(
            ["EVAL", Self.filling, "1", "coupond:{\(entries.partition)}:queue"] + place + [
                "\(entries.coupon.rawValue)", "\(entries.couponStep)", "\(count)",
                "\(entries.requestsPerEntry)", "\(entries.firstUser)", "\(entries.firstSequence)",
                entries.loses.rawValue,
            ])
        guard answer == "\(count)" else { throw Unexpected(what: "redis-cli: \(answer)") }
    }

    /// The entries' ids continue after the last one of the epoch, or after the cursor.
    private static let filling = """
        local epoch, cursor, coupon, step, count, per, user, sequence, loses =
          tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]),
          tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
        local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
        for i = 1, info.err and 0 or #info, 2 do
          if info[i] == 'last-generated-id' then
            local e, n = string.match(info[i + 1], '^(%d+)-(%d+)$')
            if tonumber(e) > epoch then return { err = 'the queue is of a later epoch' } end
            if tonumber(e) == epoch then cursor = math.max(cursor, tonumber(n)) end
          end
        end
        local prefix = string.match(KEYS[1], '^(.*)queue$')
        if loses == 'gate' then redis.call('UNLINK', prefix .. 'gate') end
        if loses == 'rest' then
          for _, key in ipairs(redis.call('KEYS', prefix .. '*')) do
            if key ~= KEYS[1] then redis.call('UNLINK', key) end
          end
        end
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        for i = 1, count do
          local requests = {}
          for j = 1, per do
            requests[j] = struct.pack('>I8BI8I8', user, 16, 7, user)
            user = user + 1
          end
          redis.call('XADD', KEYS[1], string.format('%.0f-%.0f', epoch, cursor + i), 'e',
            struct.pack('>BI8I8I8I4', 2, now, coupon, sequence, per) .. table.concat(requests))
          coupon = coupon + step
          if step == 0 then sequence = sequence + per end
        end
        return count
        """
}
