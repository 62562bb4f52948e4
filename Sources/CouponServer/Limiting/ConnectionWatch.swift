/// How long a connection has done what it may do only for a while: send nothing, leave a frame incomplete,
/// leave answers unread. Looked at each second.
internal import CouponCore

struct ConnectionWatch {
    /// What the connection looks like now.
    struct Look {
        /// A frame has begun, and its rest is awaited.
        var isInFrame = false
        /// No request is unanswered, and no byte is held.
        var isAtRest = true
        /// Bytes that the socket has not taken.
        var unsent = 0
    }

    /// How long a connection may do so, in seconds.
    struct Times {
        /// Whether most places of the daemon are taken. Then connections that do not use theirs end earlier.
        var isCrowded = false
        var idle = 600
    }

    /// Whether bytes came since the last look.
    var hasReceived = false
    /// Whether the connection has sent a whole frame.
    private(set) var hasFrame = false
    /// All bytes given to the socket.
    private(set) var given = 0
    private var sent = 0
    private var secondsIdle = 0
    private var secondsInFrame = 0
    private var secondsUnread = 0
    /// What `given` was at the last look that found all bytes sent.
    private var givenAtRest = 0

    /// A frame has ended.
    mutating func receivedFrame() {
        hasFrame = true
        secondsInFrame = 0
    }

    mutating func gave(_ bytes: Int) { given += bytes }

    /// For how long it has read none of its answers, or not completed its frame.
    var secondsStuck: Int { max(secondsUnread, secondsInFrame) }

    /// Whether some bytes may be unsent: then the socket must be asked.
    var mayHaveUnsent: Bool { given != givenAtRest }

    /// - Returns: why the connection must be closed; nil if it may stay.
    mutating func look(_ look: Look, _ times: Times) -> LimitReason? {
        defer { hasReceived = false }
        secondsInFrame = look.isInFrame ? secondsInFrame + 1 : 0
        let isResting = look.isAtRest && look.unsent == 0 && !hasReceived
        secondsIdle = isResting ? secondsIdle + 1 : 0
        let sentNow = given - look.unsent
        secondsUnread = look.unsent > 0 && sentNow <= sent ? secondsUnread + 1 : 0
        sent = sentNow
        if look.unsent == 0 { givenAtRest = given }
        if secondsInFrame > Limits.frameSeconds { return .frame }
        if secondsUnread > Limits.unreadSeconds { return .unread }
        if !hasFrame, times.isCrowded, secondsIdle > Limits.firstFrameSeconds { return .firstFrame }
        let idle = times.isCrowded ? min(times.idle, Limits.crowdedIdleSeconds) : times.idle
        return secondsIdle > idle ? (hasFrame ? .idle : .firstFrame) : nil
    }
}
