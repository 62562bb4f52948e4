/// What the loop server does with a connection each second: deadlines, and the bytes that it holds.
internal import CouponCore
internal import NIOCore
internal import NIOPosix

extension ServerConnection {
    /// Closes the connection if it has sent nothing, left a frame incomplete or answers unread for too long.
    func checkDeadlines(_ times: ConnectionWatch.Times) {
        guard exit == nil else { return }
        let isInBytes = received.readableBytes > 0 && state.mayHandleRequest && !hasRequest
        if isInBytes { shrink() }
        let isInRecord = pacer?.records.isInRecord ?? false
        // A caller whose requests are not read cannot complete its record.
        let isInFrame = isInBytes || isInRecord && state.mayHandleRequest
        let look = ConnectionWatch.Look(
            isInFrame: isInFrame,
            isAtRest: state.unanswered == 0 && received.readableBytes == 0
                && outgoing.readableBytes == 0 && !isInRecord,
            unsent: watch.mayHaveUnsent ? unsentBytes : 0)
        guard let reason = watch.look(look, times) else { return }
        loopServer.count(reason, self)
        switch reason {
        case .frame: end(with: .init(.invalidArgument, reason.message))
        case .unread: end(by: .reset)
        default: end(by: .close)
        }
    }

    /// A buffer for a large read may hold a few bytes of a frame that does not go on.
    private func shrink() {
        guard received.capacity > 4 * received.readableBytes + 1_024 else { return }
        received = ByteBuffer(bytes: received.readableBytesView)
    }

    /// The memory that it holds for bytes that are not handled or not sent.
    var heldBytes: Int {
        received.capacity + outgoing.readableBytes + (watch.mayHaveUnsent ? unsentBytes : 0)
            + (pacer?.records.heldBytes ?? 0)
    }

    /// What the socket has not taken yet.
    private var unsentBytes: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Closes at once. What is unsent is dropped here and in the kernel, which would keep it for minutes for
    /// a caller that does not read.
    func reset() {
        guard let channel = context?.channel else { return }
        let atOnce = linger(l_onoff: 1, l_linger: 0)
        _ = (channel as? any SocketOptionProvider)?.setSoLinger(atOnce)
        channel.close(promise: nil)
    }
}
