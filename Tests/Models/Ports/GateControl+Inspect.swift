/// Models and fakes inspect one coupon after the other: what Redis does in one script for each partition, they
/// may do with anything in between.
public import CouponCore

extension GateControl {
    /// One inspection for each question, in order.
    public func inspect(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) throws(GateControlError) -> [GateInspection] {
        var inspections: [GateInspection] = []
        for question in questions {
            inspections.append(
                try inspect(
                    question.coupon, partition: partitioning.partition(of: question.coupon),
                    user: question.user))
        }
        return inspections
    }
}
