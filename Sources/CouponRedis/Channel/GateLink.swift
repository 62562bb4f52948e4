/// One connection of a gate: pairs replies with the commands that wait for them.
///
/// A link lives from a connect to the first trouble; `GateConnection` makes the next one.
internal import DequeModule
internal import NIOCore

final class GateLink {
    /// Who waits for a reply; replies come in the order of the commands.
    typealias Receiver = (Reply) -> Void

    let channel: any Channel
    /// Told once, when the link is of no more use.
    var didBreak: ((String) -> Void)?

    private let eventLoop: any EventLoop
    private var receivers: Deque<Receiver> = []
    private var isFlushPlanned = false

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
        guard let receiver = receivers.popFirst() else { return lost("Redis answered unasked") }
        receiver(reply)
    }

    /// The link is of no more use; nobody who waits on it will be answered by it.
    func lost(_ reason: String) {
        guard let tell = didBreak else { return }
        didBreak = nil
        receivers.removeAll()
        channel.close(promise: nil)
        tell(reason)
    }
}
