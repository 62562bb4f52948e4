/// What one turn of an event loop has spent, what is measured of it, and what is left to do at its end.
internal import CouponCore
internal import DequeModule

struct Turn {
    private var isEnding = false
    private var isPumpScheduled = false
    private var hasStatuses = false
    private var written: [ServerConnection] = []
    private var time: MonotonicTime?
    /// What the requests of this turn have cost.
    private var spent = 0
    /// Connections that had their part of the turn, and want more.
    private var deferred = Deque<ServerConnection>()
    /// Connections whose next frame is long, and that had no part of this turn.
    private var waiting: [ServerConnection] = []
    /// Whether the next long frame is handled in any case.
    private var mustHandleOne = false
    /// Whether the deferred requests are going to be handled.
    var isContinuing = false
    private var handshakes = 0
    private var deferredHandshakes = Deque<HandshakePacer>()
    /// Connections that end in the next turns.
    var endings = Endings()
    private var hasBegun = false
    private var number: UInt = 0
    private var sample: Sample?

    /// What one connection may spend now. The first ones of a turn may spend all of it, so pipelines are
    /// handled in one go; each further one gets a little, so no turn becomes long and nobody waits for long.
    var share: Int { max(Limits.leastTurnShare, Limits.turnCost - spent) }

    mutating func spend(_ cost: Int) { spent += cost }

    /// A connection was opened, or is refused.
    mutating func spendOpening() { spent += Limits.openingCost }

    /// A connection is closed by the daemon.
    mutating func spendEnding() { spent += Limits.endingCost }

    /// Whether a frame that may cost much may be handled in this turn. A little for each connection would be
    /// too much here: its smallest part is a whole frame.
    /// - Parameter spentBefore: what its connection has spent and not reported.
    mutating func mayHandleLongFrame(spentBefore: Int) -> Bool {
        if mustHandleOne {
            mustHandleOne = false
            return true
        }
        return waiting.isEmpty && spent + spentBefore < Limits.turnCost
    }

    /// The rest of the connection's requests waits for the next turn.
    /// - Parameter hadTurn: if it had no part of this turn, it is before those that had one.
    mutating func postpone(_ connection: ServerConnection, hadTurn: Bool) {
        if hadTurn { deferred.append(connection) } else { waiting.append(connection) }
    }

    /// False if this turn has begun as many as it may: then it must wait for the next one.
    mutating func beginHandshake() -> Bool {
        guard handshakes < Limits.handshakesPerTurn, deferredHandshakes.isEmpty else {
            return false
        }
        handshakes += 1
        return true
    }

    /// The handshake waits for a later turn.
    mutating func postpone(_ handshake: HandshakePacer) { deferredHandshakes.append(handshake) }

    /// The handshakes that have waited for the longest time, as many as one turn may begin.
    mutating func dequeueHandshakes() -> [HandshakePacer] {
        let begun = deferredHandshakes.dequeue(atMost: Limits.handshakesPerTurn - handshakes)
        handshakes += begun.count
        return begun
    }

    /// Whether the next turn has something to do, even if nothing is read.
    var hasDeferred: Bool {
        !deferred.isEmpty || !waiting.isEmpty || !deferredHandshakes.isEmpty || !endings.isEmpty
    }

    /// The connections whose requests wait. One long frame of theirs is handled however much other
    /// connections have spent. Of those that had a part of an earlier turn some wait for longer: to handle a
    /// little of each of a thousand, and write to it, would make a long turn.
    mutating func dequeueDeferred() -> [ServerConnection] {
        mustHandleOne = !waiting.isEmpty
        defer { waiting.removeAll(keepingCapacity: true) }
        return waiting + deferred.dequeue(atMost: Limits.continuedPerTurn)
    }

    /// A turn whose bounces are measured.
    struct Sample: Equatable {
        let began: MonotonicTime
        /// The worker's count of bounces at that moment.
        let bounced: Int
    }

    /// Input is going to be read. One turn in 16 is measured: if each turn has a single request, measuring
    /// all would read the clock twice for each bounce.
    /// - Parameter measure: a turn that begins now.
    mutating func begin(_ measure: () -> Sample) {
        guard !hasBegun else { return }
        hasBegun = true
        number &+= 1
        if number & 15 == 0 { sample = measure() }
    }

    /// What was measured of the turn that has ended; nil if nothing was.
    mutating func dequeueSample() -> Sample? {
        guard let sample else { return nil }
        self.sample = nil
        return sample
    }

    /// True if the end of the turn must be scheduled; false if it is.
    mutating func beginEnd() -> Bool {
        defer { isEnding = true }
        return !isEnding
    }

    /// The time when it was first asked for in this turn.
    mutating func time(_ now: () -> MonotonicTime) -> MonotonicTime {
        if let time { return time }
        let read = now()
        time = read
        return read
    }

    /// The worker has requests for the gate.
    mutating func schedulePump() { isPumpScheduled = true }

    /// Statuses wait for a lane.
    mutating func addStatus() { hasStatuses = true }

    /// Whether statuses were added since this was last asked.
    mutating func dequeueStatuses() -> Bool {
        defer { hasStatuses = false }
        return hasStatuses
    }

    /// The connection has answers to send.
    mutating func add(_ connection: ServerConnection) {
        spent += Limits.writeCost
        written.append(connection)
    }

    /// The turn ends. Whatever comes from now on belongs to the next one.
    /// - Returns: whether the worker has requests for the gate.
    mutating func end() -> Bool {
        isEnding = false
        hasBegun = false
        time = nil
        spent = 0
        mustHandleOne = false
        handshakes = 0
        defer { isPumpScheduled = false }
        return isPumpScheduled
    }

    /// The connections to flush, each once.
    mutating func dequeueWritten() -> [ServerConnection] {
        let connections = written
        written.removeAll(keepingCapacity: true)
        return connections
    }
}
