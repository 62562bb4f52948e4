/// How a rebuild counts queued requests (rule 30), in the script and in its model.
internal import CouponCore
internal import CoreTestKit
internal import Testing

@testable internal import CouponRedis

/// A coupon in a fenced gate, with these holders and queued requests.
private struct Case: CustomTestStringConvertible {
    let name: String
    var holders: [LoadedHolder] = []
    var held: Int64 = 0
    var next: Int64 = 1
    let queued: [PlacedRequest]
    let used: Int64
    let nextSequence: Int64
    /// The users that the gate knows afterwards, by sequence.
    let sequences: [Int64: Int64]

    var testDescription: String { name }

    var loaded: LoadedCoupon {
        let issued = Int64(holders.count { $0.holder.rejection == nil })
        return LoadedCoupon(
            marks: LoadMarks(coupon: coupon(issued: issued, last: next - 1), held: held),
            holders: holders)
    }
}

private func placed(
    _ user: Int64, sequence: Int64, n: Int64, coupon: Int64 = 7
) -> PlacedRequest {
    PlacedRequest(
        accepted: AcceptedRequest(
            coupon: CouponID(coupon), user: UserID(user), sequence: sequence,
            requestID: id("q\(n)")), position: at(n))
}

private let cases: [Case] = [
    Case(
        name: "queued requests take slots and names, and the next sequence is above all",
        holders: [holder(1, sequence: 1)], next: 2,
        queued: [placed(2, sequence: 2, n: 1), placed(bigUser, sequence: 5, n: 2)], used: 3,
        nextSequence: 6, sequences: [1: 1, 2: 2, bigUser: 5]),
    Case(
        name: "a lower sequence in the queue does not take the next one back", next: 9,
        queued: [placed(2, sequence: 2, n: 1)], used: 1, nextSequence: 9, sequences: [2: 2]),
    Case(
        name: "a user with a slot gets no second one", holders: [holder(1, sequence: 1)],
        next: 2, queued: [placed(1, sequence: 2, n: 1)], used: 1, nextSequence: 3,
        sequences: [1: 1]),
    Case(
        name: "a dead letter is a slot too",
        holders: [holder(1, sequence: 1, rejection: .deadLetter)], held: 1, next: 2,
        queued: [placed(1, sequence: 2, n: 1)], used: 1, nextSequence: 3, sequences: [1: 1]),
    Case(
        name: "a discarded letter's slot goes to the later request of its user",
        holders: [holder(1, sequence: 1, rejection: .discarded, keepsSlot: true)], held: 1,
        next: 2, queued: [placed(1, sequence: 2, n: 1), placed(1, sequence: 3, n: 2)], used: 1,
        nextSequence: 4, sequences: [1: 2]),
    Case(
        name: "a user who was rejected may have asked again, and counts once",
        holders: [holder(1, sequence: 1, rejection: .soldOut)], next: 2,
        queued: [placed(1, sequence: 2, n: 1), placed(1, sequence: 3, n: 2)], used: 1,
        nextSequence: 4, sequences: [1: 2]),
]

@Suite struct CountTests {
    @Test(arguments: cases)
    fileprivate func `each queued request is counted, in Redis and in the model`(
        _ example: Case
    ) async throws {
        let fixture = try await RedisFixture()
        var model = ModelRedis(partitioning: Partitioning(count: 4))
        _ = try fixture.fence(epoch: 1)
        _ = try model.fence(fixture.row(epoch: 1))
        let (control, loaded, last) = (fixture.control, example.loaded, at(9))
        _ = try control.load([loaded], partition: partition, epoch: 1, load: nil)
        _ = model.load([loaded], partition: partition, epoch: 1, load: nil, now: .zero)
        // A request of a deleted coupon is skipped.
        let queued = example.queued + [placed(5, sequence: 1, n: 3, coupon: 8)]
        #expect(
            try control.count(queued, from: .zero, to: last, partition: partition, epoch: 1))
        let counted = model.count(queued, from: .zero, to: last, partition: partition, epoch: 1)
        #expect(counted)
        for (user, sequence) in example.sequences {
            let view = try fixture.inspect(user)
            #expect(view.holder?.sequence == sequence)
            let mine = model.inspect(
                CouponID(7), partition: partition, user: UserID(user),
                identity: view.identity, now: view.now)
            #expect(view == mine)
        }
        let view = try fixture.inspect()
        let record = try #require(view.record)
        #expect(record.used == example.used && record.nextSequence == example.nextSequence)
        #expect(record.queued == Int64(example.queued.count), "the entries still count as queued")
        #expect(view.settled == last)
        #expect(try fixture.inspect(coupon: 8).record == nil)
    }
}
