/// One client's connection: bytes to requests, answers to bytes. ``ConnectionState`` decides when it reads
/// and when it closes; this handler carries that out.
internal import CouponAccess
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

final class ServerConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let loopServer: LoopServer
    private(set) var splitter: FrameSplitter
    private(set) var number: UInt64 = 0
    /// The id by which admins name it: a later connection of the daemon has a higher one.
    private(set) var id: Int64 = 0
    private(set) var opened = MonotonicTime(nanoseconds: 0)
    private let entrance: Entrance
    /// Whether it came through the listener of admin methods.
    var isAdmin: Bool { entrance.isAdmin }
    /// The caller's IP address, if a proxy has named it.
    var source: String?
    /// What is between TLS and the socket; nil without TLS.
    var pacer: HandshakePacer?
    /// Who it belongs to.
    private(set) var identity = CallerIdentity.unknown
    /// Whether no issue request needs a check of its principal.
    private var issuesFreely = false
    /// Where the caller comes from: an address without port, or a unix socket.
    var address: String { identity.address }
    /// Read by slow methods, which may wait for long.
    let presence = CallerPresence()
    var share = SlowShare()
    /// Its batches of statuses, the oldest first.
    var statusBatches: [UInt64] = []
    private(set) var context: ChannelHandlerContext?
    var received = ByteBuffer()
    private(set) var outgoing = ByteBuffer()
    var state = ConnectionState()
    var watch = ConnectionWatch()
    var limits = ConnectionLimits()
    /// Set when it is going to close without an error.
    var exit: Exit?
    /// Whether the client has said that it knows `GoAway`.
    var acceptsGoAway = false

    init(loopServer: LoopServer, maximumFrameBytes: Int, entrance: Entrance) {
        self.loopServer = loopServer
        self.entrance = entrance
        splitter = FrameSplitter(maximumLength: maximumFrameBytes)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        number = loopServer.connections.add(self)
        id = loopServer.loopServers.connectionsOpened.add(1, ordering: .relaxed).newValue
        opened = loopServer.clocks.now()
        identify(entrance.peer(of: context.channel, source: source))
        if let refusal = loopServer.admit(self) {
            if !state.isEnding { end(with: refusal) }
            return
        }
        perform(state.readMore())
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.disconnected()
        presence.leave()
        loopServer.remove(self)
        self.context = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        let capacity = received.capacity
        watch.hasReceived = true
        loopServer.bytesReceived &+= bytes.readableBytes
        loopServer.beginTurn()
        if received.readableBytes == 0 {
            received = bytes
        } else {
            received.writeBuffer(&bytes)
        }
        readFrames()
        if received.readableBytes > 0 {
            loopServer.buffers.add(max(0, received.capacity - capacity))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        perform(state.readCompleted())
        loopServer.endTurn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        state.writabilityChanged(to: context.channel.isWritable)
        resume()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            state.inputClosed()
            closeIfDone()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Requests

    private func perform(_ action: ConnectionState.ReadAction) {
        if action == .read { context?.read() }
    }

    private func resume() {
        if received.readableBytes > 0 { readFrames() }
        perform(state.readMore())
    }

    /// A bounce is answered at once and touches nothing of this object: in a rush nearly all requests bounce.
    private func readFrames() {
        // The only reference while spans of it are lent out. Answers do not touch it: they are written when
        // the turn ends.
        var bytes = received
        received = ByteBuffer()
        var bounces = ByteBuffer()
        var refusal: Failure?
        var splitter = splitter
        let share = loopServer.turn.share
        var left = share
        var isWaiting = false
        var isReading = state.mayHandleRequest
        while isReading {
            switch splitter.next(in: bytes.readableBytesSpan) {
            case .needMore:
                isReading = false
            case .frame(let length):
                guard
                    length <= Limits.shortFrameBytes
                        || loopServer.turn.mayHandleLongFrame(spentBefore: share - left)
                else {
                    isWaiting = true
                    isReading = false
                    continue
                }
                let handling = handle(
                    bytes.readableBytesSpan
                        .extracting(droppingFirst: FrameSplitter.prefixLength)
                        .extracting(first: length), &bounces)
                bytes.moveReaderIndex(forwardBy: FrameSplitter.prefixLength + length)
                switch handling {
                case .bounced, .queued: left -= 1
                case .refused: left -= Limits.otherRequestCost
                case .other(let cost):
                    // If it has authenticated, its frames may be longer from now on.
                    splitter = self.splitter
                    left -= cost
                }
                isReading = (handling == .bounced || state.mayHandleRequest) && left > 0
            case .refused(let failure):
                bytes.clear()
                refusal = failure
                isReading = false
            }
        }
        loopServer.turn.spend(share - left)
        keep(bytes)
        if bounces.readableBytes > 0 {
            if outgoing.readableBytes == 0 { loopServer.willWrite(self) }
            outgoing.writeBuffer(&bounces)
        }
        if left <= 0 || isWaiting, state.mayHandleRequest, hasRequest {
            state.deferRequests()
            loopServer.turn.postpone(self, hadTurn: left < share)
            loopServer.endTurn()
        }
        if let refusal {
            loopServer.count(identity.isStranger ? .beforeAuthentication : .frameLength, self)
            end(with: refusal)
        }
    }

    /// The next turn has begun: goes on with the requests that the last one had no time for.
    func continueRequests() {
        state.continueRequests()
        resume()
        closeIfDone()
    }

    /// What became of a request.
    private enum Handling: Equatable {
        /// An issue request was answered without the gate.
        case bounced
        /// Its principal may not make it; this error costs more than a bounce.
        case refused
        /// An issue request waits for the gate.
        case queued
        /// It was a request of another kind, or an invalid one. Both cost more.
        case other(cost: Int)
    }

    private func handle(_ message: RawSpan, _ bounces: inout ByteBuffer) -> Handling {
        guard let plain = loopServer.decodeIssue(message) else {
            state.requestReceived()
            return .other(cost: loopServer.handle(message, from: self))
        }
        if !issuesFreely,
            let failure = loopServer.refusal(of: plain.issue, from: self)
                ?? loopServer.limitPrincipal(of: plain.issue, from: self)
        {
            loopServer.codec.encode(failure, id: plain.id, into: &bounces)
            return .refused
        }
        if let refusal = loopServer.limitRate(of: plain.issue, from: self) {
            loopServer.codec.encode(refusal, id: plain.id, into: &bounces)
            return .bounced
        }
        if let outcome = loopServer.bounce(plain.issue) {
            loopServer.codec.encode(outcome, id: plain.id, into: &bounces)
            return .bounced
        }
        if let refusal = loopServer.limit(plain.issue, from: self) {
            loopServer.codec.encode(refusal, id: plain.id, into: &bounces)
            return .bounced
        }
        state.requestReceived()
        loopServer.enqueue(plain, from: self)
        return .queued
    }

    /// Keeps the beginning of a frame until the rest arrives. A buffer that was read to its end is left to
    /// the channel, which uses it again. Bytes that were handled are discarded, or a client whose reads never
    /// end with a frame would make the buffer grow.
    private func keep(_ bytes: ByteBuffer) {
        if bytes.readerIndex > 0 { watch.receivedFrame() }
        guard bytes.readableBytes > 0 else { return }
        received = bytes
        // Not each time: the rest may be long, and wait for several turns.
        if received.readerIndex >= received.readableBytes { received.discardReadBytes() }
    }

    // MARK: Identity

    var peer: Peer { identity.peer }
    var principal: Principal { identity.principal }

    /// What the connection shows of its caller is known: when it is accepted, and after a TLS handshake.
    /// - Parameter certificateEnd: when the caller's certificate ends; nil if it has shown none.
    func identify(_ peer: Peer, certificateEnd: Timestamp? = nil) {
        let now = loopServer.clocks.wallNow()
        identity = CallerIdentity(
            peer, loopServer.environment.callers, now: now, certificateEnd: certificateEnd)
        identityChanged(unanswered: state.unanswered)
        endIfExpired(now: now)
    }

    /// The connection belongs to the token's principal from now on.
    func authenticate(
        _ token: [UInt8], _ callers: Callers, now: Timestamp
    ) throws(AccessRefusal) {
        try identity.authenticate(token, callers, now: now)
        // The request itself was read, and changes nothing.
        identityChanged(unanswered: state.unanswered - 1)
    }

    /// The callers file was read again. Ends if its principal is not in it any more.
    func identifyAgain(_ callers: Callers) {
        do throws(AccessRefusal) {
            try identity.identifyAgain(callers, now: loopServer.clocks.wallNow())
            identityChanged(unanswered: state.unanswered)
        } catch {
            endAccess(error)
        }
    }

    /// Called each second. Ends if its principal or its certificate has expired.
    func endIfExpired(now: Timestamp) {
        if let refusal = identity.expiry(at: now) { endAccess(refusal) }
    }

    /// - Parameter unanswered: requests in progress that the identity before sent.
    private func identityChanged(unanswered: Int) {
        issuesFreely = identity.principal.issuesFreely
        splitter = FrameSplitter(
            maximumLength: identity.longestFrame(of: loopServer.configuration.maximumFrameBytes))
        state.limitUnanswered(to: identity.requestsInFlight)
        if let refusal = loopServer.count(self, of: identity.principal), !state.isEnding {
            end(with: refusal, unanswered: unanswered)
        }
    }

    /// Ends because of its principal; a second call does nothing.
    private func endAccess(_ refusal: AccessRefusal) {
        guard !state.isEnding else { return }
        loopServer.report(refusal, identity, "connection")
        endAtOnce(with: refusal.failure)
    }

    /// The request in progress gets no answer of its own.
    func forgetRequest() {
        state.requestAnswered()
        loopServer.endTurn()
    }

    // MARK: Answers

    /// Adds an answer to what the turn's end will write.
    func answer(_ response: Response) {
        state.requestAnswered()
        write(response)
    }

    /// The same for an outcome.
    func answer(_ id: UInt64, _ outcome: Outcome) {
        state.requestAnswered()
        if outgoing.readableBytes == 0 { loopServer.willWrite(self) }
        loopServer.codec.encode(outcome, id: id, into: &outgoing)
    }

    func write(_ response: Response) {
        if outgoing.readableBytes == 0 { loopServer.willWrite(self) }
        if !loopServer.codec.encode(response, into: &outgoing) { loopServer.reportLongAnswer() }
    }

    /// Writes what the turn has gathered, in one go.
    func flush() {
        guard outgoing.readableBytes > 0 else { return }
        // Removed first: writing may make the channel writable again, and so add more answers.
        let bytes = outgoing
        outgoing = ByteBuffer()
        watch.gave(bytes.readableBytes)
        loopServer.bytesSent &+= bytes.readableBytes
        loopServer.buffers.add(bytes.readableBytes)
        if pacer == nil {
            context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        } else {
            writeInParts(bytes)
        }
        resume()
        closeIfDone()
    }

    /// TLS encrypts what is written between two flushes into one buffer, and keeps that.
    private func writeInParts(_ bytes: ByteBuffer) {
        var rest = bytes
        while let part = rest.readSlice(
            length: min(rest.readableBytes, Limits.tlsBytesPerWrite)), part.readableBytes > 0
        {
            context?.writeAndFlush(wrapOutboundOut(part), promise: nil)
        }
    }

    /// Handles nothing more, and closes after the answers.
    func end() {
        state.end()
        loopServer.endTurn()
    }

    func closeIfDone() {
        let action = state.closeIfDone(
            isWritten: outgoing.readableBytes == 0, hasRequest: hasRequest)
        guard action == .close else { return }
        // An empty write completes after the answers before it.
        context?.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            self.context?.close(promise: nil)
        }
    }

    /// Whether a whole request, or a refused frame, was received and is not handled.
    var hasRequest: Bool {
        let bytes = received
        let finding = splitter.next(in: bytes.readableBytesSpan)
        return if case .needMore = finding { false } else { true }
    }

    /// The daemon stops: sends what is written, then closes.
    func close() {
        state.shutDown()
        if outgoing.readableBytes > 0 { flush() } else { closeIfDone() }
    }
}
