/// A daemon's subscription: lost events are not sent again, and a break may go unnoticed for a while (rule
/// 39).
import CouponCore

final class SimulatedSubscription {
    private unowned let daemon: Daemon
    private let play: Play
    /// The Redis process that it is subscribed to; nil if Redis does not have the subscription.
    private(set) var process: Int?
    private var server: RedisServer?
    private var isUpSent = false
    /// Signals on their way to the loops.
    private(set) var inFlight = 0
    /// Whether an event was lost since the last `up`.
    private(set) var hasMissed = true
    private var lastArrival: Int64 = 0
    private var attempts = 0

    init(_ daemon: Daemon) {
        self.daemon = daemon
        play = daemon.play
    }

    /// Whether it gets every event, and none is on its way.
    var isQuiet: Bool { isUpSent && process != nil && !hasMissed && inFlight == 0 }

    func connect() {
        daemon.after(play.line.delay()) { [self] in
            let redis = daemon.map.server
            guard redis.isUp, !play.chance(play.faults.subscription), redis.isMaster,
                !redis.isFrozen, play.nodes.reaches(daemon, redis)
            else {
                daemon.refreshMap()
                return daemon.after(play.line.random(100_000...500_000)) { [self] in connect() }
            }
            process = redis.process
            server = redis
            hasMissed = false
            send(.up)
        }
    }

    /// Redis publishes an event.
    func publish(_ event: CompletionEvent, by server: Int) {
        guard daemon.isAlive, process == server else { return }
        if play.chance(play.faults.event) {
            // A connection loses no bytes: it is broken, and the daemon notices later.
            play.line.note(daemon.name, "has a broken subscription")
            return cut(noticedAfter: play.line.random(0...1_500_000))
        }
        send(.event(event))
        if play.chance(play.faults.event) { send(.event(event)) }
    }

    /// The subscription breaks.
    func cut(noticedAfter delay: Int64) {
        guard process != nil else { return }
        process = nil
        hasMissed = true
        daemon.after(delay) { [self] in
            send(.down("cut"))
            connect()
        }
    }

    /// The same, if it is the subscription to this process.
    func cut(from other: Int, noticedAfter delay: Int64) {
        if play.nodes.kind == .single || process == other { cut(noticedAfter: delay) }
    }

    /// The map names this server.
    func follow(_ redis: RedisServer) {
        if server !== redis { cut(noticedAfter: 0) }
    }

    /// Sends a signal to each loop, in order.
    private func send(_ signal: EventSignal) {
        play.line.note(daemon.name, "receives \(signal)")
        lastArrival = max(lastArrival, play.line.now + play.line.delay())
        for loop in daemon.loops {
            inFlight += 1
            play.line.at(lastArrival) { [self] in
                daemon.arrive { [self] in
                    inFlight -= 1
                    switch signal {
                    case .up: isUpSent = true
                    case .down: isUpSent = false
                    case .partitionUp, .partitionDown: break
                    case .event: break
                    }
                    loop.turn { loop.worker.receive(signal) }
                }
            }
        }
    }
}
