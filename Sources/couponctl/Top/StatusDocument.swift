/// What a daemon says of itself at `/status.json`, as far as `couponctl top` shows it.
internal import CouponCore

struct StatusDocument: Decodable, Sendable {
    struct Coupon: Decodable, Sendable {
        let id: String
        let title: String
        let total: Int64?
        let issued: Int64
        let state: String
        /// In milliseconds since the Unix epoch.
        let opens: Int64
        let closes: Int64
    }

    struct Partition: Decodable, Sendable {
        let owned: Bool
        let open: Bool
        /// How long its oldest entry has waited, in seconds; nil if another daemon owns it.
        let age: Double?
        let rebuild: Double?
    }

    let version: String
    /// The daemon's clock, in milliseconds since the Unix epoch.
    let now: Int64
    let ready: Bool
    let trouble: String?
    /// Why the coupons are old; nil if they are not.
    let tablesTrouble: String?
    let metrics: [String: Double]
    let partitions: [Partition]
    let coupons: [Coupon]

    private enum CodingKeys: String, CodingKey {
        case version, now, ready, trouble, metrics, partitions, coupons
        case tablesTrouble = "tables_trouble"
    }
}

extension StatusDocument {
    private func outcome(_ kind: Outcome.Kind) -> Double {
        metrics["\(MetricName.requests){outcome=\"\(kind.name.lowercased())\"}"] ?? 0
    }

    private func metric(_ name: String) -> Double { metrics[name] ?? 0 }

    var accepted: Double { outcome(.accepted) + outcome(.issued) }
    var issued: Double { metric(MetricName.Scheduler.issued.rawValue) }
    var bounced: Double { metric(MetricName.bounced) }
    var connections: Double { metric(MetricName.connections) }
    var inFlight: Double { metric(MetricName.requestsInFlight) }
    var memory: Double { metric(MetricName.Process.residentMemory.rawValue) }

    /// Entries of all queues of this daemon.
    var queued: Double {
        metrics.filter { $0.key.hasPrefix(MetricName.queueEntries + "{") }.values.reduce(0, +)
    }

    /// How long the oldest queued request has waited, in seconds.
    var oldest: Double { partitions.compactMap(\.age).max() ?? 0 }
}

extension StatusDocument.Coupon {
    /// How the coupon stands, in a word or two.
    /// - Parameter now: by the daemon's clock.
    func note(now: Int64) -> String {
        if state != "active" { return state }
        if let total, issued >= total { return "sold out" }
        if now < opens { return "opens later" }
        return now < closes ? "open" : "ended"
    }
}
