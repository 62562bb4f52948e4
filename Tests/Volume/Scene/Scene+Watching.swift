/// What Redis holds, and locks that decide when something goes on.
internal import CouponCore
internal import TestSupport
internal import TestWorld

extension Scene {
    /// What a holder takes in Redis, in bytes.
    static let bytesPerHolder = 104.0

    /// Bytes that Redis uses.
    func usedMemory() async throws -> Double {
        let text = try await world.redis.cli("INFO", "memory")
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
        guard let digits = line?.split(separator: ":").last, let bytes = Double(digits) else {
            throw Unexpected(what: "INFO memory: \(text)")
        }
        return bytes
    }

    /// Keys that Redis holds.
    func keyCount() async throws -> Int {
        let text = try await world.redis.cli("DBSIZE")
        guard let count = Int(text) else { throw Unexpected(what: "DBSIZE: \(text)") }
        return count
    }

    /// Waits until Redis uses no more than that.
    func waitForMemory(below bytes: Double, atMost limit: Int) async throws {
        try await wait(for: "Redis is below \(short(bytes / 1e6)) MB", atMost: limit) {
            let used = try await usedMemory()
            guard used <= bytes else { throw Failed("it has \(short(used / 1e6)) MB") }
            return true
        }
    }

    /// Holds the row of partition 0: no epoch is given, no cursor moves.
    func lockPartition() async throws -> HeldLock {
        try await world.hold("SELECT id FROM coupond.partition WHERE id = 0 FOR UPDATE")
    }
}
