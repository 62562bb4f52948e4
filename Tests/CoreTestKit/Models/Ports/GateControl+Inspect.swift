/// Models and fakes inspect one coupon after the other. Redis does it in one script for each partition: here
/// anything may happen in between.
public import CouponCore

extension GateControl {
    /// One inspection for each question, in order.
    public func inspect(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) -> [Result<GateInspection, BackendError>] {
        questions.map { question in
            Result { () throws(BackendError) in
                try inspect(
                    question.coupon, partition: partitioning.partition(of: question.coupon),
                    user: question.user)
            }
        }
    }
}
