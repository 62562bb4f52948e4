/// One blocking connection to Redis, for threads that may block.
///
/// hiredis connects, writes and parses. The socket never blocks; poll(2) waits, so a deadline holds for the
/// whole command, a silent connection is not an error, and the thread can do something else in between. With
/// TLS a relay connects.
///
/// hiredis keeps the first error, so the owner drops the connection after one.
internal import CHiredis
internal import CouponCore
internal import Glibc

@safe final class BlockingConnection {
    private let context: UnsafeMutablePointer<redisContext>
    private let options: RedisOptions
    /// The node as the topology had it when the connection was made.
    let node: RedisNode
    /// Nil without TLS.
    private let relay: TLSRelay?
    /// What the thread does during a long wait.
    private let whileWaiting: WhileWaiting?
    /// How often a connection that waits for an answer looks whether its node has moved, in milliseconds.
    private static let movePollMilliseconds: Double = 100
    /// The longest wait for an answer.
    var answerMilliseconds: Int64

    /// Connects to where the node is now, and authenticates.
    init(
        _ options: RedisOptions, authenticates: Bool = true, whileWaiting: WhileWaiting? = nil
    ) throws(BackendError) {
        signal(SIGPIPE, SIG_IGN)  // a write to a closed peer would end the process
        var options = options
        if whileWaiting != nil {
            options.connectTimeoutMilliseconds = min(
                options.connectTimeoutMilliseconds, Limits.connectMilliseconds)
        }
        self.options = options
        self.whileWaiting = whileWaiting
        let node = try options.place.node()
        // To ask the sentinels and then to connect may take longer than a session may be silent (rule 9).
        try whileWaiting?.runIfDue()
        self.node = node
        answerMilliseconds = options.blockingTimeoutMilliseconds
        relay = options.credentials().tls == nil ? nil : try TLSRelay(options, to: node.address)
        guard let opened = unsafe Self.open(options, node.address, relay) else {
            if let relay { close(relay.descriptor) }
            throw .redis(.unavailable("out of memory"))
        }
        unsafe context = unsafe opened  // from here deinit frees it, even after a throw
        guard unsafe context.pointee.err == 0 else { throw failure() }
        unsafe context.pointee.reader.limitArrays()
        doNotBlock()
        if relay == nil, case .tcp = node.address { unsafe keepAlive(context.pointee.fd) }
        if authenticates { try authenticate() }
    }

    private static func open(
        _ options: RedisOptions, _ address: RedisAddress, _ relay: TLSRelay?
    ) -> UnsafeMutablePointer<redisContext>? {
        let timeout = timeval(options.blockingConnectMilliseconds)
        if let relay { return unsafe redisConnectFd(relay.descriptor) }
        return switch address {
        case .tcp(let host, let port):
            unsafe redisConnectWithTimeout(host, Int32(clamping: port), timeout)
        case .unix(let path): unsafe redisConnectUnixWithTimeout(path, timeout)
        }
    }

    deinit { unsafe redisFree(context) }

    /// hiredis must know that the socket does not block: otherwise it takes "not now" for an error.
    private func doNotBlock() {
        let socket = unsafe context.pointee.fd
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
        unsafe context.pointee.flags &= ~REDIS_BLOCK
    }

    /// A peer that has vanished is noticed within seconds, even by an idle connection.
    private func keepAlive(_ socket: Int32) {
        let options: [(level: Int32, name: Int32, value: Int)] = [
            (SOL_SOCKET, SO_KEEPALIVE, 1),
            (Int32(IPPROTO_TCP), TCP_KEEPIDLE, KeepAlive.idleSeconds),
            (Int32(IPPROTO_TCP), TCP_KEEPINTVL, KeepAlive.intervalSeconds),
            (Int32(IPPROTO_TCP), TCP_KEEPCNT, KeepAlive.probes),
        ]
        for option in options {
            var value = Int32(option.value)
            _ = unsafe setsockopt(
                socket, option.level, option.name, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private func authenticate() throws(BackendError) {
        if let command = options.authentication { _ = try call(command) }
    }

    /// Sends a command and waits for its answer; an error reply is thrown.
    func call(_ command: Command) throws(BackendError) -> Reply {
        let reply = try ask(command)
        if case .error(let text) = reply { throw error(text) }
        return reply
    }

    /// Whether Redis answers a ping in time. If not, the connection must be dropped.
    func answers(withinMilliseconds milliseconds: Int64) -> Bool {
        do throws(BackendError) {
            try send(Command("PING"))
            return try poll(milliseconds: milliseconds) != nil
        } catch {
            return false
        }
    }

    /// Sends a command and waits for its answer.
    /// - Parameter milliseconds: how long Redis may block in the command; added to the usual timeout.
    func ask(
        _ command: Command, blockingFor milliseconds: Int64 = 0
    ) throws(BackendError) -> Reply {
        try send(command)
        return try receive(milliseconds: answerMilliseconds + milliseconds)
    }

    /// Sends commands and waits for all answers.
    func ask(_ commands: [Command]) throws(BackendError) -> [Reply] {
        try send(commands)
        var replies: [Reply] = []
        for _ in commands { replies.append(try receive()) }
        return replies
    }

    /// Sends commands without waiting; the caller must receive their answers.
    func send(_ commands: Command...) throws(BackendError) { try send(commands) }

    /// Sends commands without waiting; the caller must receive their answers.
    func send(_ commands: [Command]) throws(BackendError) {
        for command in commands {
            let queued = unsafe command.bytes.withUnsafeBufferPointer { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { chars in
                    unsafe redisAppendFormattedCommand(context, chars.baseAddress, chars.count)
                }
            }
            guard queued == REDIS_OK else { throw failure() }
        }
        let deadline = ContinuousClock.now + .milliseconds(answerMilliseconds)
        var done: Int32 = 0
        while true {
            guard unsafe redisBufferWrite(context, &done) == REDIS_OK else { throw failure() }
            if done != 0 { return }
            guard ContinuousClock.now < deadline else { throw timedOut(answerMilliseconds) }
            _ = try wait(for: POLLOUT, until: deadline)
        }
    }

    /// Waits for the next answer.
    func receive() throws(BackendError) -> Reply {
        try receive(milliseconds: answerMilliseconds)
    }

    private func receive(milliseconds: Int64) throws(BackendError) -> Reply {
        guard let reply = try poll(milliseconds: milliseconds) else {
            throw timedOut(milliseconds)
        }
        return reply
    }

    private func timedOut(_ milliseconds: Int64) -> BackendError {
        .redis(.unavailable("Redis did not answer within \(milliseconds) ms"))
    }

    /// The next answer, if one comes in time.
    func poll(milliseconds: Int64) throws(BackendError) -> Reply? {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        while true {
            if let reply = try parsed() { return reply }
            guard unsafe context.pointee.reader.pointee.len < ReplyLimits.maximumBytes else {
                throw .redis(.unexpectedReply(ReplyLimits.tooLarge))
            }
            // An answer that has arrived is read, even if the time was over while the thread did other work.
            guard ContinuousClock.now < deadline || hasInput else { return nil }
            guard try wait(for: POLLIN, until: deadline) else { continue }
            guard unsafe redisBufferRead(context) == REDIS_OK else { throw failure() }
        }
    }

    /// Waits until the socket can be read, or written. False if it cannot: the deadline decides then.
    private func wait(
        for events: Int32, until deadline: ContinuousClock.Instant
    ) throws(BackendError) -> Bool {
        guard !isMisplaced else {
            throw .redis(.unavailable("Redis at \(node.address) is no longer the one to use"))
        }
        try whileWaiting?.runIfDue()
        var longest = max(0, ContinuousClock.now.duration(to: deadline) / .milliseconds(1))
        if options.topology != nil { longest = min(longest, Self.movePollMilliseconds) }
        if let whileWaiting { longest = min(longest, whileWaiting.millisecondsLeft) }
        var descriptor = unsafe pollfd(fd: context.pointee.fd, events: Int16(events), revents: 0)
        return unsafe Glibc.poll(&descriptor, 1, Int32(clamping: Int64(longest) + 1)) > 0
    }

    /// What poll(2) watches.
    var descriptor: Int32 { unsafe context.pointee.fd }

    /// Whether the node has moved since the connection was made.
    var isMisplaced: Bool { options.place.isElsewhere(than: node) }

    /// Whether the peer has closed the connection, or sent something, although no answer was due.
    var isClosed: Bool { hasInput }

    /// Whether an answer, or the end of the connection, can be read without waiting.
    var hasInput: Bool {
        var descriptor = unsafe pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)
        return unsafe Glibc.poll(&descriptor, 1, 0) > 0
    }

    private func parsed() throws(BackendError) -> Reply? {
        var raw: UnsafeMutableRawPointer?
        guard unsafe redisGetReplyFromReader(context, &raw) == REDIS_OK else { throw failure() }
        guard let raw = unsafe raw else { return nil }
        defer { unsafe freeReplyObject(raw) }
        return unsafe Reply(copying: unsafe raw.assumingMemoryBound(to: redisReply.self))
    }

    private func failure() -> BackendError {
        let text = unsafe withUnsafeBytes(of: &context.pointee.errstr) { bytes in
            unsafe String(errorText: bytes)
        }
        options.countLoss()
        options.topology?.refresh()
        return .redis(.unavailable(relay?.whyBroken ?? "Redis: \(text)"))
    }

    /// Counts an error reply.
    /// - Returns: the error to throw for it.
    func error(_ text: String) -> BackendError {
        let cause = ErrorReply.cause(text)
        options.countRefusal(cause)
        options.noteTopology(text)
        if cause == ErrorReply.noPermission { return .redis(.missingRights(text)) }
        guard let refusal = ErrorReply.refusal(text) else { return .redis(.unexpectedReply(text)) }
        return .redis(ErrorReply.isOfLostNode(text) ? .unavailable(refusal) : .refused(refusal))
    }

    private static func timeval(_ milliseconds: Int64) -> Glibc.timeval {
        Glibc.timeval(
            tv_sec: Int(milliseconds / 1_000), tv_usec: Int(milliseconds % 1_000) * 1_000)
    }
}
