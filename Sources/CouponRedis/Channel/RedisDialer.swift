/// The one place where an event loop connects to Redis: for the links of the workers, and for the relays that
/// give hiredis TLS. A plain blocking connection is hiredis' own.
internal import CouponCore
internal import Glibc
internal import NIOCore
internal import NIOPosix

struct RedisDialer {
    let eventLoop: any EventLoop
    let options: RedisOptions

    /// Why there is no link, for people.
    struct Failure: Error, Equatable {
        let reason: String
    }

    /// Connects, and calls `completion` on the event loop. A new link has sent the password already; if
    /// Redis does not accept it, or the TLS handshake fails, the link breaks.
    func dial(_ completion: @escaping (Result<RedisLink, Failure>) -> Void) {
        let connected = options.place.node(on: eventLoop).flatMap { node in
            connect(to: node.address).map { (node, $0) }
        }
        connected.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let (node, channel)): completion(link(over: channel, to: node))
            case .failure(let error):
                options.topology?.refresh()
                completion(.failure(Failure(reason: "Redis is not reachable: \(error)")))
            }
        }
    }

    /// Connects to where the node is now.
    func connect() -> EventLoopFuture<any Channel> {
        options.place.node(on: eventLoop).flatMap { connect(to: $0.address) }
    }

    /// Connects. With TLS the handshake begins then, and writes wait for its end. Callers add their handlers
    /// in a callback of the future; nothing is read before it has run. A name may have several addresses, so
    /// the initializer would add a handler to several channels.
    private func connect(to address: RedisAddress) -> EventLoopFuture<any Channel> {
        let tls = options.credentials().tls
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.milliseconds(options.connectTimeoutMilliseconds))
            .resolver(options.resolver)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls, case .tcp(let host, _) = address {
                        try channel.pipeline.syncOperations.addHandler(try tls.handler(for: host))
                    }
                }
            }
        return switch address {
        case .tcp(let host, let port): bootstrap.keepingAlive.connect(host: host, port: port)
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        }
    }

    private func link(
        over channel: any Channel, to node: RedisNode
    ) -> Result<RedisLink, Failure> {
        let link = RedisLink(channel: channel)
        link.observation = options.observeTopology(on: eventLoop) { [weak link, options] in
            guard options.place.isElsewhere(than: node) else { return }
            link?.close(reason: "Redis at \(node.address) is no longer the one to use")
        }
        do {
            try channel.pipeline.syncOperations.addHandler(ReplyHandler(link: link))
        } catch {
            channel.close(promise: nil)
            return .failure(Failure(reason: "the connection to Redis broke: \(error)"))
        }
        if let command = options.authentication {
            link.send(command) { [weak link] reply in
                if case .error(let text) = reply {
                    link?.close(reason: ErrorReply.refusal(text) ?? "Redis: \(text)")
                }
            }
        }
        return .success(link)
    }
}

extension ClientBootstrap {
    /// With TCP's own probes: a peer that has vanished is noticed even if nothing is sent.
    fileprivate var keepingAlive: ClientBootstrap {
        channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: KeepAlive.idleSeconds)
            .channelOption(
                .tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: KeepAlive.intervalSeconds
            )
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: KeepAlive.probes)
    }
}
