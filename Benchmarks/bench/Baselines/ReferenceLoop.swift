/// A plain consumer, the reference loop: peeks at the head of a list, issues it under the coupon's row lock
/// in a transaction of its own, and pops it. It uses coupond's libraries and prepared statements.
internal import TestSupport

struct ReferenceLoop {
    private static let queue = "reference:queue"

    private let redis: Redis
    private let postgres: Postgres

    init(_ stage: Stage) throws {
        redis = stage.redis
        postgres = try Postgres(stage.postgresServer.connection())
        try postgres.run(
            """
            CREATE SCHEMA IF NOT EXISTS reference;
            CREATE TABLE IF NOT EXISTS reference.coupon (
                id bigint PRIMARY KEY, total bigint NOT NULL, issued bigint NOT NULL);
            CREATE TABLE IF NOT EXISTS reference.coupon_issue (
                id bigserial PRIMARY KEY, coupon_id bigint NOT NULL REFERENCES reference.coupon,
                user_id bigint NOT NULL, issued_at timestamptz NOT NULL DEFAULT now());
            INSERT INTO reference.coupon VALUES (1, 1000000000, 0) ON CONFLICT DO NOTHING;
            """)
        try postgres.prepare(
            "lock", "SELECT total, issued FROM reference.coupon WHERE id = $1 FOR UPDATE")
        try postgres.prepare(
            "update", "UPDATE reference.coupon SET issued = issued + 1 WHERE id = $1")
        try postgres.prepare(
            "insert", "INSERT INTO reference.coupon_issue (coupon_id, user_id) VALUES ($1, $2)")
    }

    /// Issues a second, over so many seconds.
    func rate(seconds: Double) throws -> Double {
        try fill()
        let start = nanoseconds()
        var issued = 0
        while Double(nanoseconds() - start) < seconds * 1e9, try issueHead() { issued += 1 }
        let duration = Double(nanoseconds() - start) / 1e9
        try redis.call("DEL", Self.queue)
        return Double(issued) / duration
    }

    private func fill() throws {
        try redis.call("DEL", Self.queue)
        for start in stride(from: 0, to: 20_000, by: 1_000) {
            try redis.call(
                ["RPUSH", Self.queue] + (start..<start + 1_000).map { "\(mixedUser($0))" })
        }
    }

    /// One turn of the loop; false if the queue is empty.
    private func issueHead() throws -> Bool {
        guard try redis.call("LLEN", Self.queue) != "0",
            let user = try redis.call("LINDEX", Self.queue, "0")
        else { return false }
        try postgres.run("BEGIN")
        try postgres.execute("lock", "1")
        try postgres.execute("update", "1")
        try postgres.execute("insert", "1", user)
        try postgres.run("COMMIT")
        try redis.call("LPOP", Self.queue)
        return true
    }
}
