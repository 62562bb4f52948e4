/// Reads what Redis holds, and locks a partition.
internal import CouponCore
internal import TestSupport
internal import TestWorld

extension Scene {
    /// The size of a holder in Redis, in bytes.
    static let bytesPerHolder = 104.0

    /// The memory that Redis uses, in bytes.
    func usedMemory() async throws -> Double { try await memory("used_memory") }

    /// The same without buffers, which differ by a megabyte from moment to moment.
    func dataMemory() async throws -> Double { try await memory("used_memory_dataset") }

    private func memory(_ field: String) async throws -> Double {
        let text = try await world.redis.cli("INFO", "memory")
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(field):") }
        guard let digits = line?.split(separator: ":").last, let bytes = Double(digits) else {
            throw Unexpected(what: "INFO memory: \(text)")
        }
        return bytes
    }

    /// The number of keys in Redis.
    func keyCount() async throws -> Int {
        let text = try await world.redis.cli("DBSIZE")
        guard let count = Int(text) else { throw Unexpected(what: "DBSIZE: \(text)") }
        return count
    }

    /// The number of holders that the gate has of a coupon of partition 0. 0 if it is not loaded.
    func holders(of coupon: CouponID) async throws -> Int {
        let key = "coupond:{0}:\(try await epoch()):\(coupon.rawValue):holders"
        let text = try await world.redis.cli("HLEN", key)
        guard let count = Int(text) else { throw Unexpected(what: "HLEN: \(text)") }
        return count
    }

    /// Whether a load is in progress: it has a claim from its beginning to its end.
    func isLoading() async throws -> Bool {
        !(try await world.redis.cli("KEYS", "coupond:*:claim").isEmpty)
    }

    /// Waits until all of a coupon's holders are in the gate, and no load is in progress. A coupon with many
    /// issues accepts before that.
    /// - Parameter every: milliseconds between two checks, each of which starts processes.
    func waitUntilLoaded(
        _ coupon: CouponID = Coupons.main, holders: Int, atMost seconds: Int,
        every milliseconds: Int = 10
    ) async throws {
        try await wait(
            for: "\(holders) holders are loaded", atMost: seconds, every: milliseconds
        ) {
            let count = try await self.holders(of: coupon)
            let isLoading = try await self.isLoading()
            return count >= holders && !isLoading
        }
    }

    /// Gets one user accepted, which begins the load of the coupon, and waits until all is loaded.
    func load(_ coupon: CouponID = Coupons.main, holders: Int, atMost seconds: Int) async throws {
        let isAccepted = try await first.client.obtain(
            coupon, .newUser(), .accepted, timeout: .seconds(seconds))
        guard isAccepted else { throw Failed("coupon \(coupon.rawValue) accepted nobody") }
        try await waitUntilLoaded(coupon, holders: holders, atMost: seconds)
    }

    /// How often Redis has run a command, or 0.
    func calls(of command: String) async throws -> Double {
        let text = try await world.redis.cli("INFO", "commandstats")
        let line = text.split(whereSeparator: \.isNewline)
            .first { $0.hasPrefix("cmdstat_\(command):calls=") }
        return line?.firstMatch(of: /calls=(\d+)/).flatMap { Double($0.1) } ?? 0
    }

    /// From here on Redis remembers its longest command.
    func watchCommands() async throws {
        try await world.redis.cli("CONFIG", "SET", "slowlog-log-slower-than", "500")
        try await world.redis.cli("CONFIG", "SET", "slowlog-max-len", "10000")
        try await world.redis.cli("SLOWLOG", "RESET")
    }

    /// How long Redis did nothing but its longest command since then, in milliseconds; 0 if none took half a
    /// millisecond. A stall that a caller sees has the daemon and the machine in it too.
    func longestCommand() async throws -> Double {
        let text = try await world.redis.cli(
            "EVAL",
            """
            local longest = 0
            for _, entry in ipairs(redis.call('SLOWLOG', 'GET', '-1')) do
              longest = math.max(longest, entry[3])
            end
            return longest
            """, "0")
        guard let microseconds = Double(text) else {
            throw Unexpected(what: "SLOWLOG GET: \(text)")
        }
        return microseconds / 1_000
    }

    /// Locks the row of partition 0: its epoch and cursor cannot change.
    func lockPartition() async throws -> HeldLock {
        try await world.hold("SELECT id FROM coupond.partition WHERE id = 0 FOR UPDATE")
    }
}
