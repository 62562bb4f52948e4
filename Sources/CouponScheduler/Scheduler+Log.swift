/// What the log says of each batch: issuing has begun, has ended, and the gate is settled. Texts are made
/// only if their level is logged.
internal import CouponCore
internal import Logging

extension Scheduler {
    func logIssuing(_ batch: Batch) {
        guard !batch.items.isEmpty else { return }
        logger.debug(
            "issuing has begun",
            metadata: [
                LogKey.partition: "\(batch.partition.rawValue)",
                // Without it the lines of two batches would be the same, and one of them only counted.
                LogKey.from: "\(batch.from)",
                LogKey.coupons: "\(batch.items.spans.couponList)",
                LogKey.count: "\(batch.items.reduce(0) { $0 + $1.requestCount })",
            ])
    }

    func logIssued(_ batch: Batch, _ commit: Commit) {
        guard !batch.items.isEmpty else { return }
        logger.debug(
            "issuing has ended",
            metadata: [
                LogKey.partition: "\(batch.partition.rawValue)",
                LogKey.issued: "\(commit.issued)",
                LogKey.rejected: "\(commit.rejections.count)",
                LogKey.sequences: "\(batch.items.spans.sequenceList)",
            ])
    }

    /// The gate is what all daemons share; the event goes to each of them.
    func logSettled(_ batch: Batch, _ commit: Commit) {
        guard !batch.items.isEmpty else { return }
        let hasFinished = commit.coupons.contains { $0.coupon?.isSoldOut == true }
        logger.log(
            level: hasFinished ? .info : .debug,
            "the gate is settled and the completion event published",
            metadata: [
                LogKey.partition: "\(batch.partition.rawValue)",
                LogKey.from: "\(batch.from)", LogKey.to: "\(batch.to)",
            ])
    }
}

/// The sequences that a batch has of a coupon.
private struct SequenceSpan {
    let coupon: CouponID
    var first: Int64
    var last: Int64

    /// Such as "7: 1 to 500".
    var text: String {
        "\(coupon.rawValue): " + (first == last ? "\(first)" : "\(first) to \(last)")
    }
}

extension [QueueItem] {
    /// In the order of the coupons' ids.
    fileprivate var spans: [SequenceSpan] {
        var spans: [CouponID: SequenceSpan] = [:]
        for request in lazy.flatMap(\.requests) {
            let (coupon, sequence) = (request.accepted.coupon, request.accepted.sequence)
            var span =
                spans[coupon] ?? SequenceSpan(coupon: coupon, first: sequence, last: sequence)
            span.first = Swift.min(span.first, sequence)
            span.last = Swift.max(span.last, sequence)
            spans[coupon] = span
        }
        return spans.values.sorted { $0.coupon < $1.coupon }
    }
}

extension [SequenceSpan] {
    /// A batch may have thousands of coupons; a line of the log names some.
    private static var limit: Int { 16 }

    /// Such as "7, 9".
    fileprivate var couponList: String { list { "\($0.coupon.rawValue)" } }

    /// Such as "7: 1 to 500, 9: 3".
    fileprivate var sequenceList: String { list(\.text) }

    private func list(_ text: (SequenceSpan) -> String) -> String {
        let rest = count > Self.limit ? " and \(count - Self.limit) more" : ""
        return prefix(Self.limit).map(text).joined(separator: ", ") + rest
    }
}
