internal import NIOCore

/// One place where a daemon listens, with the connections to it: an address of the configuration, or one of
/// the addresses that a name has.
final class Endpoint {
    /// As configured: certificates are for its name.
    let address: ServerAddress
    /// The address to connect to; nil for a unix socket.
    let target: SocketAddress?
    private(set) var connections: [ClientConnection] = []
    /// Whether it has no connection, and is not making one.
    var isUnused: Bool { connections.isEmpty && !isDialing }
    private var isDialing = false
    private var failures = 0
    private var notBefore = NIODeadline.uptimeNanoseconds(0)

    init(_ address: ServerAddress, target: SocketAddress?) {
        self.address = address
        self.target = target
    }

    /// Whether an attempt to connect makes sense now.
    /// - Parameter isUrgent: whether a call waits and no other connection is there.
    func mayDial(now: NIODeadline, upTo most: Int, isUrgent: Bool) -> Bool {
        !isDialing && connections.count < most && (isUrgent || now >= notBefore)
    }

    func dials() { isDialing = true }

    func connected(_ connection: ClientConnection) {
        isDialing = false
        failures = 0
        connections.append(connection)
    }

    /// Delays the next attempt, by a partly random time: many clients must not connect at the same moment.
    func failed(now: NIODeadline, jitter: Double) {
        isDialing = false
        failures += 1
        rest(now: now, jitter: jitter)
    }

    /// The connection is gone, or its daemon is going to stop.
    func left(_ connection: ClientConnection, now: NIODeadline, jitter: Double) {
        connections.removeAll { $0 === connection }
        rest(now: now, jitter: jitter)
    }

    private func rest(now: NIODeadline, jitter: Double) {
        let longest = 100 << Int64(min(failures, 5))
        notBefore = now + .microseconds(Int64(Double(longest * 1_000) * jitter))
    }
}
