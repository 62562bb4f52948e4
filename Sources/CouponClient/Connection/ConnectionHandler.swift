internal import CouponDomain
internal import CouponWire
internal import NIOCore

/// One connection's protocol: requests out, answers in, matched by id, each ended by its deadline.
///
/// Confined to its event loop: no lock, no hop and no task for a request. What is sent in one turn
/// of the loop leaves in one write, so that a pipelining caller costs few system calls.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let configuration: ClientConfiguration
    private var reader: ResponseReader
    private var encoder = FrameEncoder()
    private var pending: PendingTable<ClientConnection.WhenAnswered>
    private var context: ChannelHandlerContext?
    private var unsent = ByteBuffer()
    /// Since when an answer is due and nothing has arrived.
    private var silentSince: NIODeadline?
    /// Whether the daemon has answered a request on this connection.
    private var hasAnswer = false
    /// Whether the daemon is going to stop: nothing more is sent.
    private var isLeaving = false
    private var lastSent: NIODeadline?
    /// Called once, when nothing more can be sent.
    private var whenLeaving: ((ClientError) -> Void)?
    private var isReading = false
    private var isFlushScheduled = false
    private var isSweepScheduled = false

    init(_ configuration: ClientConfiguration) {
        self.configuration = configuration
        reader = ResponseReader(maximumFrameBytes: configuration.maximumFrameBytes)
        pending = PendingTable(capacity: configuration.maximumInFlight)
    }

    /// Whether requests can be sent.
    var isOpen: Bool { context != nil && !isLeaving }
    var inFlight: Int { pending.count }

    /// How long nothing was sent; nil if nothing was ever sent.
    var idleTime: TimeAmount? {
        guard let context, let lastSent else { return nil }
        return context.eventLoop.now - lastSent
    }

    /// - Parameter action: called once, when the connection ends, or when its daemon is going to stop.
    func whenLeaving(_ action: @escaping (ClientError) -> Void) { whenLeaving = action }

    // MARK: Requests

    func send(
        _ method: Request.Method, trace: TraceContext? = nil, deadline: TimeAmount?,
        whenAnswered: @escaping ClientConnection.WhenAnswered
    ) throws(ClientError) -> UInt64 {
        guard let context, !isLeaving else { throw .notConnected }
        let milliseconds = Self.milliseconds(deadline ?? configuration.deadline)
        let timeout = TimeAmount.milliseconds(Int64(milliseconds)) + configuration.answerGrace
        let giveUp = (context.eventLoop.now + timeout).uptimeNanoseconds
        guard let id = pending.insert(whenAnswered, deadline: giveUp) else {
            throw .tooManyInFlight
        }
        try encode(
            Request(
                id: id, deadlineMilliseconds: milliseconds,
                token: method.isAdmin ? configuration.token : [], trace: trace, method: method))
        let now = context.eventLoop.now
        lastSent = now
        silentSince = silentSince ?? now
        scheduleFlush(context)
        scheduleSweep(context)
        return id
    }

    /// The caller does not want the answer any more. Does nothing if the request was answered.
    func cancel(_ request: UInt64) {
        pending.remove(request)?(.failure(.cancelled(wasSent: true)))
        closeIfLeft()
    }

    /// A request that does not fit in a frame is refused here, as the daemon would.
    private func encode(_ request: Request) throws(ClientError) {
        do throws(Failure) {
            let size = try encoder.prepare(request)
            unsent.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
        } catch {
            _ = pending.remove(request.id)
            throw .refused(error)
        }
    }

    func close() { end(.connectionLost(reason: "closed by this client")) }

    /// At least 1: on the wire 0 means the default.
    private static func milliseconds(_ deadline: TimeAmount) -> UInt32 {
        UInt32(clamping: max(1, deadline.nanoseconds / 1_000_000))
    }

    /// While answers are read, the flush waits for the last of them.
    private func scheduleFlush(_ context: ChannelHandlerContext) {
        guard !isReading, !isFlushScheduled else { return }
        isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        guard let context, unsent.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(unsent), promise: nil)
        unsent = context.channel.allocator.buffer(capacity: unsent.readableBytes)
    }

    // MARK: Deadlines

    /// One timer for all: a timer for each request would cost more than the request.
    private func scheduleSweep(_ context: ChannelHandlerContext) {
        guard !isSweepScheduled else { return }
        isSweepScheduled = true
        context.eventLoop.assumeIsolated().scheduleTask(in: configuration.deadlineResolution) {
            self.isSweepScheduled = false
            self.sweep()
        }
    }

    private func sweep() {
        guard let context else { return }
        let now = context.eventLoop.now
        let late = pending.removeExpired(now: now.uptimeNanoseconds)
        for waiter in late { waiter(.failure(.deadlineExceeded)) }
        // A daemon answers by the deadline, if only to say that it has passed.
        if !late.isEmpty, let silentSince, now - silentSince >= configuration.silenceLimit {
            return end(.connectionLost(reason: "the daemon has gone silent"))
        }
        closeIfLeft()
        if !pending.isEmpty { scheduleSweep(context) }
    }

    // MARK: Answers

    /// The context is known from here on, not only from `channelActive` on: callers that wait for the
    /// connection are notified before that.
    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        reader.feed(unwrapInboundIn(data))
        while self.context != nil, readAnswer() {}
    }

    /// False if no whole answer has arrived yet.
    private func readAnswer() -> Bool {
        do throws(UnreadableResponse) {
            guard let response = try reader.next() else { return false }
            answer(response)
        } catch {
            if let id = error.id {
                pending.remove(id)?(.failure(.wrongAnswer(error.reason)))
            } else {
                end(.wrongAnswer(error.reason))
            }
        }
        return true
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        silentSince = pending.isEmpty ? nil : context.eventLoop.now
        flush()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(error as? ClientError ?? .connectionLost(reason: String(describing: error)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.connectionLost(reason: "closed by the daemon"))
        context.fireChannelInactive()
    }

    private func answer(_ response: Response) {
        switch response.result {
        // The daemon reads nothing more, and will close.
        case .failure(let failure) where response.id == 0: return end(meaning(of: failure))
        case .goAway(let isLast): return leave(isLast: isLast)
        default: break
        }
        hasAnswer = true
        // Nobody waits for this answer any more: it came after the deadline.
        guard let waiter = pending.remove(response.id) else { return }
        switch response.result {
        // A daemon that is stopping refuses requests that it reads too late. Another one may accept them.
        case .failure(let failure)
        where isLeaving && failure.code == .unavailable && failure.acceptance == .notAccepted:
            waiter(.failure(.notConnected))
        case .failure(let failure): waiter(.failure(.refused(failure)))
        default: waiter(.success(response.result))
        }
        closeIfLeft()
    }

    /// The daemon is going to stop.
    /// - Parameter isLast: whether it has answered everything that it has read.
    private func leave(isLast: Bool) {
        isLeaving = true
        if isLast { return end(.notConnected) }
        notifyLeaving(.notConnected)
        closeIfLeft()
    }

    private func closeIfLeft() {
        if isLeaving, pending.isEmpty { end(.notConnected) }
    }

    private func notifyLeaving(_ reason: ClientError) {
        let action = whenLeaving
        whenLeaving = nil
        action?(reason)
    }

    /// What an error without a request says: there are too many connections, and the daemon has read nothing
    /// from this one; or it could not read a frame, and it is unknown whose frame that was.
    private func meaning(of failure: Failure) -> ClientError {
        let isRefusal =
            failure.code == .resourceExhausted && failure.retryAfterMilliseconds != nil
        return isRefusal && !hasAnswer
            ? .refused(failure) : .connectionLost(reason: failure.message)
    }

    /// Closes, and ends every unanswered request.
    private func end(_ error: ClientError) {
        guard let context else { return }
        self.context = nil
        context.close(promise: nil)
        notifyLeaving(error)
        for waiter in pending.removeAll() { waiter(.failure(error)) }
    }
}
