/// A network that can be broken: all bytes between two programs pass through this process.
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Listens, and forwards every connection to a target.
final class Proxy: Sendable {
    /// A port of 127.0.0.1, or a path.
    enum Place: Sendable {
        case port(Int)
        case path(String)

        fileprivate func address() throws -> SocketAddress {
            switch self {
            case .port(let port): try SocketAddress(ipAddress: "127.0.0.1", port: port)
            case .path(let path): try SocketAddress(unixDomainSocketPath: path)
            }
        }
    }

    private struct State {
        var target: Place?
        var condition = NetworkCondition.healthy
        var links: [ObjectIdentifier: ProxyLink] = [:]
        var listener: (any Channel)?
        var hasDropped = false
        var halfOpenings = 0
    }

    private let state = Mutex(State())

    /// Where connections are forwarded to; if nil, they are closed.
    var target: Place? {
        get { state.withLock { $0.target } }
        set { state.withLock { $0.target = newValue } }
    }

    /// What happens to all bytes from now on.
    var condition: NetworkCondition {
        get { state.withLock { $0.condition } }
        set {
            let links = state.withLock { state in
                state.condition = newValue
                if newValue.kind == .halfOpen { state.halfOpenings += 1 }
                return Array(state.links.values)
            }
            for link in links { link.apply(newValue) }
        }
    }

    /// How often the open connections became half-open.
    var halfOpenings: Int { state.withLock { $0.halfOpenings } }

    /// Whether any bytes were dropped.
    var hasDropped: Bool { state.withLock { $0.hasDropped } }

    func recordDropped() { state.withLock { $0.hasDropped = true } }

    /// Listens at `place`; port 0 means a free one.
    /// - Returns: the port; 0 for a path.
    @discardableResult
    func listen(at place: Place) async throws -> Int {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(ChannelOptions.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
            .bind(to: place.address()).get()
        state.withLock { $0.listener = listener }
        return listener.localAddress?.port ?? 0
    }

    /// Ends every connection.
    func cut() {
        for link in state.withLock({ Array($0.links.values) }) { link.cut() }
    }

    /// Ends every connection, and stops listening.
    func close() async {
        cut()
        try? await state.withLock { $0.listener }?.close()
    }

    private func accept(_ caller: any Channel) throws {
        guard let target else { return caller.close(promise: nil) }
        let link = ProxyLink(proxy: self, caller: caller)
        state.withLock { $0.links[ObjectIdentifier(link)] = link }
        caller.closeFuture.whenComplete { _ in
            self.state.withLock { $0.links[ObjectIdentifier(link)] = nil }
        }
        try link.connect(to: target.address())
    }
}
