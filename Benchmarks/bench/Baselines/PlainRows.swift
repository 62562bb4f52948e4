/// A baseline of PostgreSQL: COPY of rows.
struct PlainRows {
    let stage: Stage

    /// COPY into coupond's own table, in one transaction; rows a second. The rows are made before.
    func copy(_ count: Int) throws -> Double {
        let first = stage.reserveUsers(count)
        var text = ""
        for number in 0..<count {
            let requestID = String(repeating: "07", count: 16)
            text += "1\t\(mixedUser(first + number))\t\(number + 1)"
            text += "\t2026-01-01 00:00:00+00\t2026-01-01 00:00:00+00\t\\\\x\(requestID)\n"
        }
        let bytes = Array(text.utf8)
        try stage.postgres.run("CHECKPOINT")
        let start = nanoseconds()
        try stage.postgres.copy(
            """
            COPY coupond.coupon_issue
                (coupon_id, user_id, sequence, accepted_at, issued_at, request_id) FROM STDIN
            """, bytes)
        return Double(count) / (Double(nanoseconds() - start) / 1e9)
    }
}

extension [Double] {
    /// The median; 0 if empty.
    var median: Double {
        guard !isEmpty else { return 0 }
        let sorted = self.sorted()
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }

    /// By the nearest rank; 0 if empty.
    func percentile(_ percent: Double) -> Double {
        guard !isEmpty else { return 0 }
        let rank = Int((percent / 100 * Double(count)).rounded(.up))
        return sorted()[Swift.min(count, Swift.max(1, rank)) - 1]
    }
}
