/// What the owner does next, case by case (rules 16 to 18).
import CoreTestKit
import CouponCore
import Testing

private let here = RedisIdentity(runID: "r", replicationID: "h")
private let there = RedisIdentity(runID: "r", replicationID: "other")

private func at(_ epoch: Epoch, _ n: Int64) -> Position { Position(epoch: epoch, n: n) }

private func entry(_ epoch: Epoch, _ n: Int64) -> QueueItem {
    .entry(
        QueueEntry(
            position: at(epoch, n), coupon: CouponID(1), firstSequence: n, acceptedAt: .zero,
            requests: [
                EntryRequest(
                    user: UserID(n), requestID: RequestID(high: UInt64(n), low: 0, length: 8))
            ]))
}

/// A healthy partition of epoch 3: committed and settled up to (3, 4), two entries in the queue.
private struct Case: CustomTestStringConvertible {
    let name: String
    var epoch: Epoch = 3
    var cursor = at(3, 4)
    var identity: RedisIdentity? = here
    var redisTerm: UInt64 = 5
    var term: UInt64 = 5
    var status = GateStatus.open
    var gateEpoch: Epoch = 3
    var tail: Int64 = 6
    var settled = at(3, 4)
    var items = [entry(3, 5), entry(3, 6)]
    let expected: DrainStep

    var testDescription: String { name }

    var step: DrainStep {
        DrainStep(
            row: PartitionRow(
                id: PartitionID(0), epoch: epoch, cursor: cursor, identity: identity,
                redisTerm: redisTerm, installID: "i"),
            gate: GateView(
                status: status, epoch: gateEpoch, tail: tail, settled: settled, installID: "i",
                queueEnd: items.last?.position ?? .zero, items: items),
            node: RedisNodeState(identity: here, term: term))
    }
}

private let cases: [Case] = [
    Case(name: "entries wait", expected: .issue([entry(3, 5), entry(3, 6)])),
    Case(
        name: "a part of the queue was read", items: [entry(3, 5)], expected: .issue([entry(3, 5)])),
    Case(name: "nothing waits", tail: 4, items: [], expected: .idle),
    Case(
        name: "committed, not settled", settled: at(3, 2),
        expected: .recover(from: at(3, 2), to: at(3, 4))),
    Case(
        name: "settling comes before issuing, in an earlier epoch too", cursor: at(2, 9),
        tail: 0, settled: at(2, 7), items: [entry(2, 10)],
        expected: .recover(from: at(2, 7), to: at(2, 9))),
    Case(
        name: "entries of an earlier epoch come first", cursor: at(2, 9), tail: 2,
        settled: at(2, 9), items: [entry(2, 10)], expected: .issue([entry(2, 10)])),
    Case(
        name: "what earlier epochs lost is not judged again", cursor: at(2, 9), tail: 0,
        settled: at(2, 9), items: [entry(2, 12)], expected: .issue([entry(2, 12)])),
    Case(
        name: "no entry of an earlier epoch is left", cursor: at(2, 9), tail: 1,
        settled: at(2, 9), items: [entry(3, 1)], expected: .passEpoch(to: at(3, 0))),
    Case(
        name: "nothing at all after a rebuild", cursor: at(2, 9), tail: 0, settled: at(2, 9),
        items: [], expected: .passEpoch(to: at(3, 0))),
    Case(
        name: "the first entry of the epoch follows (E, 0)", cursor: at(3, 0), tail: 1,
        settled: at(3, 0), items: [entry(3, 1)], expected: .issue([entry(3, 1)])),
    Case(
        name: "no gate", status: .missing, gateEpoch: 0, tail: 0, settled: .zero, items: [],
        expected: .rebuild(.gateMissing)),
    Case(name: "fenced", status: .fenced, expected: .rebuild(.gateFenced)),
    Case(name: "Redis of an earlier epoch", gateEpoch: 2, expected: .rebuild(.gateBehind)),
    Case(name: "PostgreSQL went back an epoch", gateEpoch: 4, expected: .rebuild(.gateAhead)),
    Case(name: "another history", identity: there, expected: .rebuild(.newHistory)),
    Case(
        name: "another history, in a Redis of a later term", identity: there, term: 6,
        expected: .rebuild(.newHistory)),
    Case(
        name: "another history, in a Redis of a lower term", identity: there, term: 4,
        expected: .lowerTerm),
    Case(
        name: "no gate, in a Redis of a lower term", term: 4, status: .missing, gateEpoch: 0,
        tail: 0, settled: .zero, items: [], expected: .lowerTerm),
    Case(
        name: "a gate that can be trusted is drained in any term", term: 4,
        expected: .issue([entry(3, 5), entry(3, 6)])),
    Case(
        name: "another process with the same history",
        identity: RedisIdentity(runID: "s", replicationID: here.replicationID),
        expected: .rebuild(.otherRedis)),
    Case(name: "no identity yet", identity: nil, expected: .rebuild(.otherRedis)),
    Case(
        name: "PostgreSQL went back in its epoch", settled: at(3, 5),
        expected: .rebuild(.settledAhead)),
    Case(
        name: "Redis went back in its epoch", tail: 3, settled: at(3, 3), items: [],
        expected: .rebuild(.tailBehind)),
    Case(
        name: "the first entry is missing", items: [entry(3, 6)],
        expected: .rebuild(.entriesMissing)),
    Case(
        name: "an entry in the middle is missing", tail: 7, items: [entry(3, 5), entry(3, 7)],
        expected: .rebuild(.entriesMissing)),
    Case(name: "all entries are missing", items: [], expected: .rebuild(.entriesMissing)),
    Case(
        name: "all entries of a new epoch are missing", cursor: at(2, 9), tail: 2,
        settled: at(2, 9), items: [], expected: .rebuild(.entriesMissing)),
    Case(
        name: "the first entry of a new epoch is missing", cursor: at(2, 9), tail: 2,
        settled: at(2, 9), items: [entry(3, 2)], expected: .rebuild(.entriesMissing)),
]

@Suite struct DrainStepTests {
    @Test(arguments: cases)
    fileprivate func `each case has its step`(_ example: Case) {
        #expect(example.step == example.expected)
    }

    @Test func `a missing gate is named before any other fault`() {
        var worst = Case(name: "", expected: .idle)
        worst.status = .missing
        worst.gateEpoch = 9
        worst.identity = nil
        #expect(worst.step == .rebuild(.gateMissing))
    }
}
