/// What follows from a row of PostgreSQL, for a request and for a user's status.
import Testing

@testable import CouponCore

private let (mine, theirs) = (name(1_001), name(1_002))
private let at = Timestamp(microseconds: 77)

/// A holder of the gate with a sequence.
private func view(_ sequence: Int64, n: Int64 = 1, _ rejection: RejectionReason? = nil)
    -> GateInspection
{
    GateInspection(
        status: .open, epoch: 1, settled: .zero, tail: 1, now: at,
        identity: RedisIdentity(runID: "a", replicationID: "b"), record: nil,
        holder: GateHolder(
            sequence: sequence, position: Position(epoch: n == 0 ? 0 : 1, n: n), requestID: mine,
            rejection: rejection))
}

@Suite struct UserStandingTests {
    @Test func `an issued request gets its issue again, and another request is a duplicate`() {
        let own = UserStanding.issued(sequence: 4, requestID: mine, at: at)
        #expect(own.outcome(for: mine, waitsForIssue: true) == .issued(sequence: 4, at: at))
        #expect(own.outcome(for: mine, waitsForIssue: false) == .accepted(sequence: 4))
        let other = UserStanding.issued(sequence: 4, requestID: theirs, at: at)
        for waits in [true, false] {
            #expect(
                other.outcome(for: mine, waitsForIssue: waits)
                    == .duplicate(sequence: 4, state: .issued))
        }
    }

    @Test(arguments: RejectionReason.allCases)
    func `a rejected request gets its rejection again, another may try unless the slot is kept`(
        _ reason: RejectionReason
    ) {
        let own = UserStanding.rejected(sequence: 4, requestID: mine, reason: reason)
        let other = UserStanding.rejected(sequence: 4, requestID: theirs, reason: reason)
        for waits in [true, false] {
            #expect(
                own.outcome(for: mine, waitsForIssue: waits)
                    == .rejected(sequence: 4, reason: reason))
            #expect(
                other.outcome(for: mine, waitsForIssue: waits)
                    == (reason == .deadLetter ? .duplicate(sequence: 4, state: .rejected) : nil))
        }
    }

    @Test func `the status is the issue, else the queued request, else the rejection`() {
        let issue = UserStanding.issued(sequence: 4, requestID: mine, at: at)
        let rejection = UserStanding.rejected(sequence: 4, requestID: mine, reason: .discarded)
        let rejected = UserStatus.rejected(sequence: 4, reason: .discarded)
        #expect(UserStatus(nil, nil) == .none)
        #expect(UserStatus(issue, view(5)) == .issued(sequence: 4, at: at))
        #expect(UserStatus(nil, view(5)) == .queued(sequence: 5))
        #expect(UserStatus(rejection, view(5)) == .queued(sequence: 5))
        #expect(UserStatus(rejection, view(4)) == rejected, "the gate does not know it yet")
        #expect(UserStatus(rejection, view(5, .deadLetter)) == rejected)
        #expect(UserStatus(rejection, view(5, n: 0)) == rejected, "loaded, so not queued")
        #expect(UserStatus(rejection, nil) == rejected)
    }
}
