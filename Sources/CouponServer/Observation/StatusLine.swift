/// The daemon's line for `systemctl status`.
internal import CouponCore

struct StatusLine {
    private var answers = 0
    private var readAt: MonotonicTime

    init(now: MonotonicTime) { readAt = now }

    /// Such as "serving; 412 connections; 38,000 requests/s; queue 0; redis ok; postgres ok; 8 of 16
    /// partitions; ready".
    /// - Parameters:
    ///   - answers: to issue requests since the start.
    ///   - queued: entries that wait in the queues of owned partitions.
    mutating func next(
        connections: Int, answers: Int, queued: Int, owned: Int, condition: Condition,
        now: MonotonicTime
    ) -> String {
        let seconds = Double(now.nanoseconds - readAt.nanoseconds) / 1e9
        let rate = seconds > 0 ? Double(answers - self.answers) / seconds : 0
        self.answers = answers
        readAt = now
        let redis = condition.checks.allSatisfy { $0.name != "redis" || $0.isWell }
        // The text that says why queues wait begins with the name of the server.
        let postgres = condition.queues?.hasPrefix("PostgreSQL") != true
        let servers = [("redis", redis), ("postgres", postgres)]
            .map { name, isWell in "\(name) \(isWell ? "ok" : "not ok")" }
        return
            (["serving", "\(connections) connections", "\(Int(rate.rounded()).grouped) requests/s"]
            + ["queue \(queued.grouped)"] + servers
            + ["\(owned) of \(condition.partitions) partitions", Self.state(condition)])
            .joined(separator: "; ")
    }

    /// Without PostgreSQL the gates accept, and `/readyz` says so. But nothing is issued, and a person who
    /// looks must not read "ready".
    private static func state(_ condition: Condition) -> String {
        if let trouble = condition.trouble ?? condition.missingRights {
            return "not ready: \(trouble)"
        }
        return condition.queues.map { "accepted requests wait: \($0)" } ?? "ready"
    }
}

extension Int {
    /// With a comma after each three digits, such as "38,000". Not for negative numbers.
    fileprivate var grouped: String {
        let digits = Array("\(self)")
        return digits.indices.reduce(into: "") { text, index in
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digits[index])
        }
    }
}
