/// All loop servers of the daemon, each on its own event loop, and the counters that they share.
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

final class LoopServers: Sendable {
    let connections = Atomic<Int>(0)
    /// Those at the listener of admin methods, which are not among the others.
    let adminConnections = Atomic<Int>(0)
    /// How many connections there have been since the start.
    let connectionsOpened = Atomic<Int64>(0)
    /// Connections that were refused because there were too many.
    let connectionsRefused = Atomic<Int>(0)
    /// Connections from addresses of proxies that began without a PROXY header.
    let proxyHeadersMissing = Atomic<Int>(0)
    /// Connections for HTTP.
    let observers = Atomic<Int>(0)
    /// Connections and requests over HTTP that were refused.
    let observersRefused = Atomic<Int>(0)
    /// How fast the queues are drained, as the event relay sees it.
    let drainRates = Mutex(DrainRates())
    /// Lines of the trail that wait for PostgreSQL.
    let trail = Mutex(TrailQueue())
    /// Actions that the trail lacks.
    let trailLinesLost = Atomic<Int>(0)
    let limits: SharedLimits
    /// Whether the daemon drains: it has no listeners any more, or will close them at once.
    let areDraining = Atomic(false)
    /// What probes get.
    let readiness = Mutex(Readiness())
    /// What the status page shows of PostgreSQL.
    let statusTables = Mutex(StatusTablesCache())
    /// The coupons of the last completion events.
    let recentCoupons = Mutex(RecentCoupons())
    /// How many event loops there are.
    let eventLoops: Int
    private let loopServers = Mutex<[NIOLoopBound<LoopServer>]>([])

    init(eventLoops: Int, _ limits: CallerLimits) {
        self.eventLoops = eventLoops
        self.limits = SharedLimits(limits)
    }

    func add(_ loopServer: NIOLoopBound<LoopServer>) {
        loopServers.withLock { $0.append(loopServer) }
    }

    /// One of their loops; nil before there is one.
    var anyLoop: (any EventLoop)? { loopServers.withLock { $0.first?.eventLoop } }

    /// Runs something at each loop server, on its loop.
    func each(_ body: @escaping @Sendable (LoopServer) -> Void) {
        for loopServer in loopServers.withLock({ $0 }) {
            loopServer.eventLoop.execute { body(loopServer.value) }
        }
    }

    /// One value from each loop server.
    func collect<Value: Sendable>(
        on loop: any EventLoop, _ body: @escaping @Sendable (LoopServer) -> Value
    ) -> EventLoopFuture<[Value]> {
        let futures = loopServers.withLock { $0 }.map { loopServer in
            loopServer.eventLoop.submit { body(loopServer.value) }
        }
        return EventLoopFuture.whenAllSucceed(futures, on: loop)
    }

    /// Passes a result on; adds to an audit what each worker remembers of the coupon.
    func complete(
        _ result: Response.Result, on loop: any EventLoop,
        _ reply: @escaping @Sendable (Response.Result) -> Void
    ) {
        guard case .audit(let audit) = result else {
            loop.execute { reply(result) }
            return
        }
        let coupon = audit.accounts.coupon.id
        collect(on: loop) { $0.remembers(coupon) }.whenComplete { answers in
            let marks = (try? answers.get()) ?? []
            var complete = audit
            complete.workers = marks.count { $0.known }
            complete.workersClosed = marks.count { $0.closed }
            reply(.audit(complete))
        }
    }
}
