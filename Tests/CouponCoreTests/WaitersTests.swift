/// The callers of a worker that wait for ISSUED: one list for each partition, and its size.
import Testing

@testable import CouponCore

private let partitioning = Partitioning(count: 2)

private func waiter(_ ticket: UInt64) -> WaitList.Waiter {
    WaitList.Waiter(
        ticket: ticket,
        accepted: AcceptedRequest(
            coupon: CouponID(1), user: UserID(Int64(ticket)), sequence: Int64(ticket),
            requestID: name(ticket)), position: Position(epoch: 1, n: 1),
        judgedAt: .zero)
}

@Suite struct WaitersTests {
    @Test func `each partition has its own waiters`() {
        let waiters = Waiters(partitioning: partitioning)
        waiters.register(waiter(1), isReplay: true, in: PartitionID(0))
        waiters.register(waiter(2), isReplay: true, in: PartitionID(1))
        #expect(waiters.count == 2)
        #expect(waiters.dequeueQuestions(of: PartitionID(1)).map(\.user) == [UserID(2)])
        let decisions = Decisions(
            cursor: Position(epoch: 1, n: 1),
            standings: [.issued(sequence: 2, requestID: name(2), at: .zero)])
        let answers = waiters.apply(decisions, in: PartitionID(1))
        #expect(answers == [.init(ticket: 2, outcome: .issued(sequence: 2, at: .zero))])
        #expect(waiters.count == 1)
    }

    @Test func `expired waiters leave once they are many more than the others`() {
        let waiters = Waiters(partitioning: partitioning)
        for ticket in 1...1_100 as ClosedRange<UInt64> {
            waiters.register(waiter(ticket), isReplay: true, in: PartitionID(Int(ticket % 2)))
        }
        for _ in 1...1_050 { waiters.countExpired() }
        waiters.dropExpired(remaining: 50) { $0 <= 50 }
        #expect(waiters.count == 1_100)
        waiters.countExpired()
        waiters.dropExpired(remaining: 50) { $0 <= 50 }
        #expect(waiters.count == 50)
        waiters.countExpired()
        waiters.dropExpired(remaining: 0) { _ in false }
        #expect(waiters.count == 50, "the count starts again")
    }
}
