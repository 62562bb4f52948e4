/// What an event loop does later, whether or not anything is read.
internal import NIOCore

struct Timers {
    private var expiry: Scheduled<Void>?
    private var frameWatch: Scheduled<Void>?
    private var lagProbe: Scheduled<Void>?

    /// Whether the deadlines of requests are going to be looked at.
    var isExpiryScheduled: Bool { expiry != nil }

    mutating func expire(by task: Scheduled<Void>) { expiry = task }

    /// The deadlines are looked at now.
    mutating func beginExpiry() { expiry = nil }

    mutating func watchFrames(by task: Scheduled<Void>) { frameWatch = task }

    mutating func probeLag(by task: Scheduled<Void>) { lagProbe = task }

    /// The loop serves nobody any more.
    mutating func cancel() {
        expiry?.cancel()
        frameWatch?.cancel()
        lagProbe?.cancel()
    }
}
