/// A network that can be broken: everything between two parties passes through this process.
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Listens, and passes every connection on to a target.
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
        var weather = Weather.clear
        var links: [ObjectIdentifier: ProxyLink] = [:]
        var listener: (any Channel)?
        var hasSwallowed = false
        var orphanings = 0
    }

    private let state = Mutex(State())

    /// Where connections are passed on to; nil: they are closed.
    var target: Place? {
        get { state.withLock { $0.target } }
        set { state.withLock { $0.target = newValue } }
    }

    /// What happens to all that passes from now on.
    var weather: Weather {
        get { state.withLock { $0.weather } }
        set {
            let links = state.withLock { state in
                state.weather = newValue
                if newValue.kind == .orphaned { state.orphanings += 1 }
                return Array(state.links.values)
            }
            for link in links { link.feel(newValue) }
        }
    }

    /// How often the connections that stood became orphans.
    var orphanings: Int { state.withLock { $0.orphanings } }

    /// Whether anything never came through.
    var hasSwallowed: Bool { state.withLock { $0.hasSwallowed } }

    func noteSwallowed() { state.withLock { $0.hasSwallowed = true } }

    /// Listens at `place`; port 0 is any.
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

    /// Ends every connection, and listens no more.
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
