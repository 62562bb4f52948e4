/// One connection to Redis on an event loop: pairs replies with the commands that wait for them.
///
/// A link lives from a dial until it breaks; its owner dials the next one.
internal import DequeModule
internal import NIOCore

final class RedisLink {
    /// Gets the reply to one command; replies come in the order of the commands.
    typealias Receiver = (Reply) -> Void

    /// Called once, with the reason, when the link closes.
    var didBreak: ((String) -> Void)?

    /// Closes the link if its node moves; nil if Redis never does.
    var observation: TopologyObservation?

    private let channel: any Channel
    private let eventLoop: any EventLoop
    private var receivers: Deque<Receiver> = []
    private var isFlushPlanned = false
    private var isClosed = false

    init(channel: any Channel) {
        self.channel = channel
        eventLoop = channel.eventLoop
    }

    /// Writes a command. All commands of one turn of the loop leave in one flush.
    func send(_ command: Command, _ receiver: @escaping Receiver) {
        receivers.append(receiver)
        channel.write(ByteBuffer(bytes: command.bytes), promise: nil)
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        eventLoop.assumeIsolated().execute {
            self.isFlushPlanned = false
            self.channel.flush()
        }
    }

    func receive(_ reply: Reply) {
        guard let receiver = receivers.popFirst() else {
            return close(reason: "unexpected reply from Redis")
        }
        receiver(reply)
    }

    /// Closes the channel and calls `didBreak`. Commands that wait for a reply never get one.
    func close(reason: String) {
        guard !isClosed else { return }
        isClosed = true
        observation = nil
        receivers.removeAll()
        channel.close(promise: nil)
        let report = didBreak
        didBreak = nil
        report?(reason)
    }
}
