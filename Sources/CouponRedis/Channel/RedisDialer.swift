/// The one place where an event loop connects to Redis: for the links of the workers, and for the relays that
/// give hiredis TLS. A plain blocking connection is hiredis' own.
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
        connect().assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel): completion(link(over: channel))
            case .failure(let error):
                completion(.failure(Failure(reason: "Redis is not reachable: \(error)")))
            }
        }
    }

    /// Connects. With TLS the handshake begins then, and writes wait for its end. Callers add their handlers
    /// in a callback of the future; nothing is read before it has run. A name may have several addresses, so
    /// the initializer would add a handler to several channels.
    func connect() -> EventLoopFuture<any Channel> {
        let tls = options.credentials().tls
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.milliseconds(options.connectTimeoutMilliseconds))
            .resolver(options.resolver)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(try tls.handler())
                    }
                }
            }
        return switch options.address {
        case .tcp(let host, let port): bootstrap.keepingAlive.connect(host: host, port: port)
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        }
    }

    private func link(over channel: any Channel) -> Result<RedisLink, Failure> {
        let link = RedisLink(channel: channel)
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
