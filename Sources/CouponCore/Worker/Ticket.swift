/// Who is to be answered: a connection of the worker, and the id of its request there.
public struct Caller: Hashable, Sendable {
    /// The worker's host knows which connection this is, and whether it still stands.
    public let connection: UInt64
    /// The client's id of the request.
    public let request: UInt64

    /// A caller.
    public init(connection: UInt64, request: UInt64) {
        self.connection = connection
        self.request = request
    }
}

/// An issue request on its way through the worker.
struct Ticket {
    enum Phase {
        /// Waits for the next gate call. After a broken connection it may have been accepted already.
        case pending(mayBeAccepted: Bool)
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
    var phase: Phase

    /// What is known of its acceptance, should it end now (promise 9).
    var acceptance: Acceptance {
        switch phase {
        case .pending(let mayBeAccepted): mayBeAccepted ? .unknown : .notAccepted
        case .asked: .unknown
        case .waiting(let sequence): .accepted(sequence: sequence)
        }
    }

    /// The same request, judged anew by the gate until another moment.
    func with(notAfter: Timestamp) -> Ticket {
        Ticket(
            caller: caller, coupon: coupon,
            request: GateRequest(
                user: request.user, requestID: request.requestID, notAfter: notAfter),
            attempt: attempt, waitsForIssue: waitsForIssue, deadline: deadline, phase: phase)
    }
}

/// The worker's tickets, in slots that are used again. A ticket's number is generation and slot, so that
/// a late reply never meets the slot's next user.
struct Tickets {
    private var slots: [Ticket?] = []
    private var generations: [UInt32] = []
    private var free: [Int] = []
    private(set) var waiting = 0

    /// How many are on their way.
    var count: Int { slots.count - free.count }

    mutating func add(_ ticket: Ticket) -> UInt64 {
        if ticket.waitsForIssue { waiting += 1 }
        guard let slot = free.popLast() else {
            slots.append(ticket)
            generations.append(0)
            return UInt64(slots.count - 1)
        }
        slots[slot] = ticket
        return UInt64(generations[slot]) << 32 | UInt64(slot)
    }

    subscript(number: UInt64) -> Ticket? {
        get {
            let slot = Int(number & 0xFFFF_FFFF)
            return generations[slot] == UInt32(number >> 32) ? slots[slot] : nil
        }
        set {
            let slot = Int(number & 0xFFFF_FFFF)
            guard generations[slot] == UInt32(number >> 32) else { return }
            slots[slot] = newValue
        }
    }

    /// Takes a ticket out; nil where it is out already.
    mutating func remove(_ number: UInt64) -> Ticket? {
        guard let ticket = self[number] else { return nil }
        let slot = Int(number & 0xFFFF_FFFF)
        slots[slot] = nil
        generations[slot] &+= 1
        free.append(slot)
        if ticket.waitsForIssue { waiting -= 1 }
        return ticket
    }

    /// Every ticket on its way.
    var numbers: [UInt64] {
        slots.indices.filter { slots[$0] != nil }.map { UInt64(generations[$0]) << 32 | UInt64($0) }
    }
}
