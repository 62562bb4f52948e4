/// What the worker may say of a request's acceptance, through all that happens to its ticket (promise 9).
import Testing

@testable import CouponCore

private func ticket(waits: Bool = false) -> Ticket {
    Ticket(
        caller: Caller(connection: 1, request: 1), coupon: CouponID(1),
        request: GateRequest(
            user: UserID(1), requestID: name(1), notAfter: Timestamp(microseconds: 5)),
        attempt: 0, waitsForIssue: waits, deadline: MonotonicTime(nanoseconds: 0))
}

@Suite struct TicketTests {
    @Test func `a request in a call may be accepted, and one that comes back was not`() {
        let tickets = Tickets()
        let number = tickets.add(ticket())
        #expect(tickets[number]?.acceptance == .notAccepted)
        tickets.send(number, at: MonotonicTime(nanoseconds: 0))
        #expect(tickets[number]?.acceptance == .unknown)
        tickets.putBack(number)
        #expect(tickets[number]?.acceptance == .notAccepted)
    }

    @Test func `after an interrupted call a request may be accepted, even if it is sent again`() {
        let tickets = Tickets()
        let number = tickets.add(ticket())
        tickets.send(number, at: MonotonicTime(nanoseconds: 0))
        tickets.interrupt(number)
        #expect(tickets[number]?.acceptance == .unknown)
        tickets.send(number, at: MonotonicTime(nanoseconds: 0))
        tickets.putBack(number)
        tickets.renew(number, notAfter: Timestamp(microseconds: 9))
        #expect(tickets[number]?.acceptance == .unknown)
        #expect(tickets[number]?.request.notAfter == Timestamp(microseconds: 9))
    }

    @Test func `an acceptance is known once enough replicas have it`() {
        let tickets = Tickets()
        let number = tickets.add(ticket(waits: true))
        tickets.send(number, at: MonotonicTime(nanoseconds: 0))
        tickets.keepBack(number)
        tickets.accept(number, sequence: 3)
        #expect(tickets[number]?.acceptance == .unknown)
        tickets.confirm(number)
        #expect(tickets[number]?.acceptance == .accepted(sequence: 3))
    }

    @Test func `a ticket that is gone stays gone`() {
        let tickets = Tickets()
        let number = tickets.add(ticket(waits: true))
        #expect(tickets.waiting == 1)
        #expect(tickets.remove(number) != nil && tickets.remove(number) == nil)
        #expect(tickets.waiting == 0)
        tickets.send(number, at: MonotonicTime(nanoseconds: 0))
        tickets.renew(number, notAfter: .zero)
        tickets.confirm(number)
        #expect(tickets[number] == nil && tickets.count == 0)
    }
}
