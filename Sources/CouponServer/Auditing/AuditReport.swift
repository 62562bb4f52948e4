/// Writes what the auditor finds to the log and to metrics.
internal import CoreMetrics
internal import CouponCore
internal import Logging
internal import Metrics

struct AuditReport {
    private let logger: Logger
    private let environment: any DaemonState
    private let drift = Gauge(label: MetricName.drift)
    private let repairs = Counter(label: MetricName.driftRepairs)
    private let audited = Counter(label: MetricName.auditedCoupons)

    init(_ logger: Logger, _ environment: any DaemonState) {
        self.logger = logger
        self.environment = environment
        record(drifting: 0)
    }

    func record(drifting: Int) { drift.record(drifting) }

    func record(_ news: Auditor.News) {
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
                metadata: [LogKey.coupon: "\(coupon.rawValue)"])
        case .resyncRequested(let coupon, let check):
            repairs.increment()
            logger.warning(
                "the gate is behind the tables, sending it the coupon again",
                metadata: Self.metadata(check, coupon, []))
        case .wentBack(let coupon, let check):
            environment.countPostgresRollback()
            logger.critical(
                "PostgreSQL went back: a change of a coupon that was committed is lost",
                metadata: Self.metadata(check, coupon, []))
        case .failed(let coupon, let error):
            logger.log(
                level: error.isRefusal ? .warning : .debug,
                "the accounts of a coupon cannot be read",
                metadata: [
                    LogKey.coupon: "\(coupon.map { "\($0.rawValue)" } ?? "any")",
                    LogKey.error: "\(error)",
                ])
        }
    }

    private static func metadata(
        _ check: Check, _ coupon: CouponID, _ sequences: [ClosedRange<Int64>]
    ) -> Logger.Metadata {
        let names = sequences.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0)" }
        return [
            LogKey.coupon: "\(coupon.rawValue)", LogKey.rule: "\(check.rule)",
            LogKey.figures: "\(check.figures)",
            LogKey.sequences: "\(names.isEmpty ? "unknown" : names.joined(separator: " "))",
        ]
    }
}
