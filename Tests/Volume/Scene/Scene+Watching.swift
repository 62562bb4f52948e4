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

    /// Locks the row of partition 0: its epoch and cursor cannot change.
    func lockPartition() async throws -> HeldLock {
        try await world.hold("SELECT id FROM coupond.partition WHERE id = 0 FOR UPDATE")
    }
}
