/// What an auditor finds, for people: in the log, with the sequences concerned, and by a gauge that is 0 at
/// rest.
internal import CoreMetrics
internal import CouponCore
internal import Logging
internal import Metrics

struct AuditReport {
    private let logger: Logger
    private let drift = Gauge(label: "coupond_drift")
    private let repairs = Counter(label: "coupond_drift_repairs_total")
    private let postgresRollbacks = Counter(label: "coupond_postgres_went_back_total")
    private let audited = Counter(label: "coupond_audited_coupons_total")

    init(_ logger: Logger) {
        self.logger = logger
        record(drifting: 0)
    }

    func record(drifting: Int) { drift.record(drifting) }

    func tell(_ news: Auditor.News) {
        switch news {
        case .looked:
            audited.increment()
        case .drift(let coupon, let check, let sequences):
            logger.error(
                "the accounts of a coupon do not add up",
                metadata: Self.metadata(check, coupon, sequences))
        case .mended(let coupon):
            logger.notice(
                "the accounts of a coupon add up again",
                metadata: ["coupon": "\(coupon.rawValue)"])
        case .toldAgain(let coupon, let check):
            repairs.increment()
            logger.warning(
                "the gate has not what the tables say and is told once more",
                metadata: Self.metadata(check, coupon, []))
        case .wentBack(let coupon, let check):
            postgresRollbacks.increment()
            logger.critical(
                "PostgreSQL went back: a change of a coupon that was committed is lost",
                metadata: Self.metadata(check, coupon, []))
        case .failed(let coupon, let error):
            logger.debug(
                "accounts not read",
                metadata: [
                    "coupon": "\(coupon.map { "\($0.rawValue)" } ?? "any")", "error": "\(error)",
                ])
        }
    }

    private static func metadata(
        _ check: Check, _ coupon: CouponID, _ sequences: [ClosedRange<Int64>]
    ) -> Logger.Metadata {
        let names = sequences.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0)" }
        return [
            "coupon": "\(coupon.rawValue)", "rule": "\(check.rule)",
            "figures": "\(check.figures)",
            "sequences": "\(names.isEmpty ? "unknown" : names.joined(separator: " "))",
        ]
    }
}
