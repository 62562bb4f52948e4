/// Where an answer goes: a connection, and the id of its request.
public struct Caller: Hashable, Sendable {
    /// The worker's host knows which connection this is, and whether it is open.
    public let connection: UInt64
    /// The client's id of the request.
    public let request: UInt64

    /// A caller.
    public init(connection: UInt64, request: UInt64) {
        self.connection = connection
        self.request = request
    }
}

/// An issue request in the worker.
struct Ticket {
    enum Phase {
        /// Waits for the next gate call.
        case pending
        /// In a gate call.
        case asked
        /// Accepted, waits for ISSUED.
        case waiting(sequence: Int64)
    }

    let caller: Caller
    let coupon: CouponID
    let request: GateRequest
    let attempt: UInt32
    let waitsForIssue: Bool
    let deadline: MonotonicTime
    fileprivate(set) var phase = Phase.pending
    /// A call was interrupted, so the request may have been accepted. Only a call that judges the request
    /// changes this.
    fileprivate(set) var mayBeAccepted = false
    /// The gate did not hold the coupon when it was last asked about this request.
    fileprivate(set) var isMissed = false
    /// False if it was accepted and too few replicas are known to have it.
    fileprivate(set) var isConfirmed = true
    /// PostgreSQL had nothing of the user (rule 53).
    fileprivate(set) var clearing: Clearing?
    fileprivate(set) var times = TicketTimes()

    /// What is known of its acceptance, if it ended now (promise 9).
    var acceptance: Acceptance {
        switch phase {
        case .pending: mayBeAccepted ? .unknown : .notAccepted
        case .asked: .unknown
        case .waiting(let sequence): isConfirmed ? .accepted(sequence: sequence) : .unknown
        }
    }

    /// The same request, not sent yet, with another `notAfter`.
    fileprivate func with(notAfter: Timestamp) -> Ticket {
        Ticket(
            caller: caller, coupon: coupon,
            request: GateRequest(
                user: request.user, requestID: request.requestID, notAfter: notAfter),
            attempt: attempt, waitsForIssue: waitsForIssue, deadline: deadline,
            mayBeAccepted: mayBeAccepted, clearing: clearing, times: times)
    }
}

extension Ticket {
    fileprivate mutating func send(at now: MonotonicTime) {
        phase = .asked
        isMissed = false
        times.sent = now
    }
}

/// The worker's tickets, and how many of them are or will be waiting for ISSUED.
final class Tickets {
    private var tickets = SlotMap<Ticket>()
    private(set) var waiting = 0

    /// How many there are.
    var count: Int { tickets.count }

    /// The numbers of all tickets.
    var numbers: [UInt64] { tickets.keys }

    func add(_ ticket: Ticket) -> UInt64 {
        if ticket.waitsForIssue { waiting += 1 }
        return tickets.add(ticket)
    }

    /// Nil if it is gone.
    subscript(number: UInt64) -> Ticket? { tickets[number] }

    /// Removes a ticket; nil if it is gone.
    func remove(_ number: UInt64) -> Ticket? {
        guard let ticket = tickets.remove(number) else { return nil }
        if ticket.waitsForIssue { waiting -= 1 }
        return ticket
    }
}

/// What happens to a ticket; nothing if it is gone.
extension Tickets {
    /// It goes out in a gate call.
    func send(_ number: UInt64, at now: MonotonicTime) { tickets[number]?.send(at: now) }

    /// The gate has accepted it, now or before. Sets the time for its log line only.
    func judge(_ number: UInt64, at now: MonotonicTime) {
        tickets[number]?.times.judged = now
    }

    /// The call did not judge it.
    func putBack(_ number: UInt64) { tickets[number]?.phase = .pending }

    /// The call did not judge it, because the gate does not hold the coupon.
    func miss(_ number: UInt64) {
        tickets[number]?.phase = .pending
        tickets[number]?.isMissed = true
    }

    /// PostgreSQL has nothing of its user.
    func clear(_ number: UInt64, _ clearing: Clearing) {
        tickets[number]?.clearing = clearing
    }

    /// The call was interrupted.
    func interrupt(_ number: UInt64) {
        tickets[number]?.phase = .pending
        tickets[number]?.mayBeAccepted = true
    }

    /// The gate found that its time was over, but the deadline has not passed.
    func renew(_ number: UInt64, notAfter: Timestamp) {
        tickets[number] = tickets[number]?.with(notAfter: notAfter)
    }

    /// It was accepted, and its caller waits for ISSUED.
    func accept(_ number: UInt64, sequence: Int64) {
        tickets[number]?.phase = .waiting(sequence: sequence)
    }

    /// It was accepted, and too few replicas are known to have it.
    func keepBack(_ number: UInt64) { tickets[number]?.isConfirmed = false }

    /// Enough replicas have it.
    func confirm(_ number: UInt64) { tickets[number]?.isConfirmed = true }
}
