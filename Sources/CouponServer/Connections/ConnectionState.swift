/// When a client's connection reads, pauses and closes: a state machine without I/O. ``ServerConnection``
/// reports what happened and carries out the actions.
internal import CouponCore

enum ConnectionState: ~Copyable {
    /// Reads, and handles the requests it has read.
    case reading(Flow)
    /// Does neither: too many requests are unanswered, the client is not reading its answers, or the rest of
    /// its requests waits for the next turn.
    case paused(Flow)
    /// The client sends nothing more. The requests it has sent are handled, then the connection closes.
    case inputClosed(Flow)
    /// Handles nothing more. It closes when the last answer is written.
    case ending(unanswered: Int)
    /// Closes after the answers that are already written, or is closed.
    case closed

    /// What decides whether requests may be handled.
    struct Flow: Equatable {
        /// Requests that were handled and have no answer.
        var unanswered = 0
        /// Whether the client reads its responses.
        var isWritable = true
        /// Whether the channel was asked for bytes and has not finished that read.
        var isReadPending = false
        /// Whether requests that were read wait for the next turn.
        var isDeferred = false
        /// How many requests may be unanswered.
        var limit = Limits.requestsInFlightPerConnection

        var hasRoom: Bool { isWritable && !isDeferred && unanswered < limit }
    }

    enum ReadAction: Equatable {
        /// Ask the channel for bytes.
        case read
        case wait
    }

    enum CloseAction: Equatable {
        /// Close the channel after everything that was written to it.
        case close
        case wait
    }

    init() { self = .reading(Flow()) }

    private static func open(_ flow: Flow) -> ConnectionState {
        flow.hasRoom ? .reading(flow) : .paused(flow)
    }

    /// Whether it handles nothing more.
    var isEnding: Bool {
        switch self {
        case .reading: false
        case .paused: false
        case .inputClosed: false
        case .ending: true
        case .closed: true
        }
    }

    /// Whether the next request may be handled.
    var mayHandleRequest: Bool {
        switch self {
        case .reading: true
        case .inputClosed(let flow): flow.hasRoom
        case .paused: false
        case .ending: false
        case .closed: false
        }
    }

    /// Requests that were handled and have no answer.
    var unanswered: Int {
        switch self {
        case .reading(let flow): flow.unanswered
        case .paused(let flow): flow.unanswered
        case .inputClosed(let flow): flow.unanswered
        case .ending(let unanswered): unanswered
        case .closed: 0
        }
    }

    // MARK: Reading

    /// Asks for more bytes, once for each read.
    mutating func readMore() -> ReadAction {
        switch consume self {
        case .reading(var flow):
            let action: ReadAction = flow.isReadPending ? .wait : .read
            flow.isReadPending = true
            self = .reading(flow)
            return action
        case let other:
            self = other
            return .wait
        }
    }

    /// The channel has delivered what it had.
    mutating func readCompleted() -> ReadAction {
        change { $0.isReadPending = false }
        return readMore()
    }

    /// The client began to read its responses, or stopped.
    mutating func writabilityChanged(to isWritable: Bool) { change { $0.isWritable = isWritable } }

    // MARK: Requests

    /// A request is handled; its answer follows, perhaps at once.
    mutating func requestReceived() { change { $0.unanswered += 1 } }

    mutating func requestAnswered() { change { $0.unanswered -= 1 } }

    /// The requests that were read and not handled wait for the next turn.
    mutating func deferRequests() { change { $0.isDeferred = true } }

    /// The next turn has begun.
    mutating func continueRequests() { change { $0.isDeferred = false } }

    /// How many requests may be unanswered from now on.
    mutating func limitUnanswered(to limit: Int) { change { $0.limit = limit } }

    // MARK: The end

    /// The client has closed its side.
    mutating func inputClosed() {
        switch consume self {
        case .reading(let flow): self = .inputClosed(flow)
        case .paused(let flow): self = .inputClosed(flow)
        case let other: self = other
        }
    }

    /// No further request can be handled, as after a frame that is too long.
    mutating func end() {
        switch consume self {
        case .reading(let flow): self = .ending(unanswered: flow.unanswered)
        case .paused(let flow): self = .ending(unanswered: flow.unanswered)
        case .inputClosed(let flow): self = .ending(unanswered: flow.unanswered)
        case let other: self = other
        }
    }

    /// The daemon stops: requests without an answer stay unanswered.
    mutating func shutDown() {
        switch consume self {
        case .closed: self = .closed
        case _: self = .ending(unanswered: 0)
        }
    }

    mutating func disconnected() { self = .closed }

    /// - Parameters:
    ///   - isWritten: whether all answers were given to the channel.
    ///   - hasRequest: whether a whole request that was received is not handled; evaluated only if it counts.
    mutating func closeIfDone(
        isWritten: Bool, hasRequest: @autoclosure () -> Bool
    ) -> CloseAction {
        let isDone: Bool
        switch self {
        case .inputClosed(let flow): isDone = flow.unanswered == 0 && isWritten && !hasRequest()
        case .ending(let unanswered): isDone = unanswered == 0 && isWritten
        case _: isDone = false
        }
        guard isDone else { return .wait }
        self = .closed
        return .close
    }

    private mutating func change(_ change: (inout Flow) -> Void) {
        switch consume self {
        case .reading(var flow):
            change(&flow)
            self = Self.open(flow)
        case .paused(var flow):
            change(&flow)
            self = Self.open(flow)
        case .inputClosed(var flow):
            change(&flow)
            self = .inputClosed(flow)
        case .ending(let unanswered):
            var flow = Flow(unanswered: unanswered)
            change(&flow)
            self = .ending(unanswered: flow.unanswered)
        case .closed: self = .closed
        }
    }
}
