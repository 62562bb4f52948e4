/// Gate calls without an answer, and answers that wait until an earlier call has its answer: calls are
/// answered in the order in which they were sent.
internal import CouponCore
internal import DequeModule
internal import NIOCore

struct GateCallsInFlight: ~Copyable {
    private struct Pending {
        let call: GateCall
        let sentAt: NIODeadline
        var isRetried = false
        var answer: GateAnswer?
    }

    private var calls: Deque<Pending> = []
    /// The number of the first of `calls`.
    private var firstNumber = 0

    /// When the oldest call was sent; nil if there is none.
    var oldestSentAt: NIODeadline? { calls.first?.sentAt }

    /// Whether there is none, answered or not.
    var isEmpty: Bool { calls.isEmpty }

    /// Whether no call waits for its reply.
    var areAnswered: Bool { calls.allSatisfy { $0.answer != nil } }

    /// - Returns: the number by which the call's reply is known.
    mutating func append(_ call: GateCall, at now: NIODeadline) -> Int {
        precondition(
            calls.count < Limits.gateCallsInFlight,
            "at most Limits.gateCallsInFlight calls of a worker are in flight")
        calls.append(Pending(call: call, sentAt: now))
        return firstNumber + calls.count - 1
    }

    /// The call to send once more because Redis did not have the script; nil if that has happened already.
    mutating func retry(_ number: Int) -> GateCall? {
        let index = number - firstNumber
        guard !calls[index].isRetried else { return nil }
        calls[index].isRetried = true
        return calls[index].call
    }

    mutating func answer(_ number: Int, with reply: Reply) {
        let index = number - firstNumber
        calls[index].answer = GateAnswer(reply, to: calls[index].call)
    }

    /// Answers every call that has no answer.
    mutating func interrupt(reason: String) {
        for index in calls.indices where calls[index].answer == nil {
            calls[index].answer = .interrupted(reason)
        }
    }

    /// Answers every call that has no answer, and removes all of them.
    mutating func giveUp(reason: String) -> [(call: GateCall, answer: GateAnswer)] {
        interrupt(reason: reason)
        var all: [(call: GateCall, answer: GateAnswer)] = []
        while let next = next() { all.append(next) }
        return all
    }

    /// The oldest call, if it has an answer; it is removed.
    mutating func next() -> (call: GateCall, answer: GateAnswer)? {
        guard let first = calls.first, let answer = first.answer else { return nil }
        calls.removeFirst()
        firstNumber += 1
        return (first.call, answer)
    }
}
