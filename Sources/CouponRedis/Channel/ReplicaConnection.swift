/// A worker's way to ask for replicas: a connection of its own, because WAIT blocks whatever comes behind
/// it on the same one (rule 37).
///
/// WAIT counts what its own connection wrote last, so that each question writes first: a PUBLISH that
/// nobody hears goes to the replicas as any write does, and stores nothing. Everything that the gate
/// answered before lies before it in the stream of replication. The identity is read after the wait: a
/// Redis that took its place meanwhile has replicas too.
public import CouponCore
public import Logging
public import NIOCore
internal import NIOPosix

/// Asks one question at a time. Everything but the initializer is called on the event loop, which also
/// calls the delegate. Connects when it is asked; a broken connection answers nil.
public final class ReplicaConnection: ReplicaLink {
    /// Who hears the answer.
    public weak var delegate: (any ReplicaDelegate)?

    private let eventLoop: any EventLoop
    private let options: RedisOptions
    private let replicas: Int
    private let timeoutMilliseconds: Int64
    private let logger: Logger
    private var link: GateLink?
    private var isAsking = false
    private var isClosed = false
    private var patience: Scheduled<Void>?
    /// Shorter than others: who was accepted waits meanwhile.
    private var backOff = BackOff(longest: 500)
    private var mayConnectAt = NIODeadline.now()
    private var plannedConnect: Scheduled<Void>?

    /// - Parameters:
    ///   - eventLoop: the worker's.
    ///   - options: where Redis is.
    ///   - replicas: how many to wait for.
    ///   - timeoutMilliseconds: how long; then the answer says how many there are.
    ///   - logger: told of breaks.
    public init(
        eventLoop: any EventLoop, options: RedisOptions, replicas: Int,
        timeoutMilliseconds: Int64, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.replicas = replicas
        self.timeoutMilliseconds = timeoutMilliseconds
        self.logger = logger
    }

    /// Asks how many replicas have all that the gate has answered until now.
    /// - Precondition: the last question is answered.
    public func ask() {
        precondition(!isAsking, "one question at a time")
        isAsking = true
        patience = eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(timeoutMilliseconds + options.connectTimeoutMilliseconds)
        ) { [weak self] in
            self?.broke("Redis does not answer")
        }
        if let link { send(over: link) } else { connectSoon() }
    }

    /// Now, or when the last failure is a while ago: questions follow each other as fast as requests.
    private func connectSoon() {
        plannedConnect = eventLoop.assumeIsolated().scheduleTask(deadline: mayConnectAt) {
            [weak self] in
            self?.connect()
        }
    }

    /// Gives the connection up for good.
    public func close() {
        isClosed = true
        patience?.cancel()
        plannedConnect?.cancel()
        link?.lost("closed")
    }

    private func send(over link: GateLink) {
        link.send(Command("PUBLISH", "coupond:replicas", "")) { [weak link] reply in
            if case .error(let text) = reply { link?.lost("Redis: \(text)") }
        }
        var count: Int64?
        link.send(Command("WAIT", String(replicas), String(timeoutMilliseconds))) {
            count = $0.integerValue
        }
        link.send(RedisServerInfo.infoCommand) { [weak self] reply in
            let server = RedisServerInfo(info: reply, config: .none)
            guard let count, let identity = server.identity, !server.isReplica else {
                return link.lost("Redis cannot wait for replicas")
            }
            self?.backOff.reset()
            self?.answer(ReplicaAnswer(count: Int(count), identity: identity))
        }
    }

    private func answer(_ answer: ReplicaAnswer?) {
        guard isAsking else { return }
        isAsking = false
        patience?.cancel()
        delegate?.replicas(didAnswer: answer)
    }

    private func connect() {
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.milliseconds(options.connectTimeoutMilliseconds))
        let connected =
            switch options.address {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        connected.assumeIsolated().whenComplete { [weak self] result in
            switch result {
            case .success(let channel): self?.begin(channel)
            case .failure(let error): self?.broke("cannot connect to Redis: \(error)")
            }
        }
    }

    private func begin(_ channel: any Channel) {
        guard !isClosed, isAsking, link == nil else { return channel.close(promise: nil) }
        let link = GateLink(channel: channel)
        self.link = link
        link.didBreak = { [weak self] reason in self?.broke(reason) }
        do {
            try channel.pipeline.syncOperations.addHandler(ReplyHandler(link: link))
        } catch {
            return link.lost("the connection to Redis broke: \(error)")
        }
        if let command = options.authentication {
            link.send(command) { [weak link] reply in
                if case .error(let text) = reply { link?.lost("Redis: \(text)") }
            }
        }
        send(over: link)
    }

    private func broke(_ reason: String) {
        let old = link
        link = nil
        old?.lost(reason)
        plannedConnect?.cancel()
        if isClosed { return }
        logger.log(
            level: backOff.failures == 0 ? .warning : .debug, "replicas cannot be asked",
            metadata: [LogKey.reason: "\(reason)"])
        mayConnectAt = .now() + .milliseconds(backOff.next())
        answer(nil)
    }
}
