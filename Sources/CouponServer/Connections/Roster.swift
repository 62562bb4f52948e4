/// All desks of the daemon, each on its own event loop, and what they count together.
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

final class Roster: Sendable {
    let connections = Atomic<Int>(0)
    /// Callers who were one too many.
    let refusals = Atomic<Int>(0)
    /// Connections for HTTP.
    let observers = Atomic<Int>(0)
    private let desks = Mutex<[NIOLoopBound<Desk>]>([])

    func add(_ desk: NIOLoopBound<Desk>) { desks.withLock { $0.append(desk) } }

    /// Runs something at each desk, on its loop.
    func each(_ body: @escaping @Sendable (Desk) -> Void) {
        for desk in desks.withLock({ $0 }) {
            desk.eventLoop.execute { body(desk.value) }
        }
    }

    /// One value from each desk.
    func collect<Value: Sendable>(
        on loop: any EventLoop, _ body: @escaping @Sendable (Desk) -> Value
    ) -> EventLoopFuture<[Value]> {
        let futures = desks.withLock { $0 }.map { desk in
            desk.eventLoop.submit { body(desk.value) }
        }
        return EventLoopFuture.whenAllSucceed(futures, on: loop)
    }

    /// Hands a result on; an audit is completed by what each worker remembers of the coupon.
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
