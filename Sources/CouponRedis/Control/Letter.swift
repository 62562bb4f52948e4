/// Applying the decision on a dead letter at the gate.
public import CouponCore

extension RedisGateControl {
    /// Applies the decision on a held letter; one without a user changes nothing.
    public func apply(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult {
        guard let accepted = letter.accepted else { return .current }
        var packed = ByteWriter(capacity: Layout.terms)
        packed.append(coupon)
        var request = ByteWriter(capacity: Layout.acceptance)
        request.append(accepted.sequence)
        request.append(accepted.requestID)
        return try runAlone(
            .letter, of: partition,
            keys: [
                Keys.gate(partition), Keys.record(coupon.id, partition, epoch),
                Keys.holders(coupon.id, partition, epoch), Keys.coupons(partition, epoch),
                Keys.claim(coupon.id, partition, epoch),
            ],
            [
                .number(epoch), .bytes(Self.pack(coupon.id)), .bytes(packed.bytes),
                .number(options.finishedRetentionMilliseconds), .bytes(Self.pack(accepted.user)),
                .bytes(request.bytes), .number(letter.state == .redriven ? 1 : 0),
            ]
        ).setResult()
    }
}
