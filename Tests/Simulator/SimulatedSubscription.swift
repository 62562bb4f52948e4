/// A daemon's subscription: nothing is replayed, and a broken one may go unnoticed for a while (rule 39).
import CouponCore

final class Ear {
    private unowned let daemon: Daemon
    private let play: Play
    /// The process that it is subscribed to; nil where Redis does not know of it.
    private var process: Int?
    private var isUpTold = false
    /// Signals on their way to each loop.
    private(set) var underWay = 0
    /// Since the last `up` an event was lost.
    private(set) var hasMissed = true
    private var lastArrival: Int64 = 0
    private var attempts = 0

    init(_ daemon: Daemon) {
        self.daemon = daemon
        play = daemon.play
    }

    /// Hears everything, and nothing is on its way.
    var isQuiet: Bool { isUpTold && process != nil && !hasMissed && underWay == 0 }

    func connect() {
        daemon.after(play.line.delay()) { [self] in
            guard play.redis.isUp, !play.chance(play.faults.ear) else {
                return daemon.after(play.line.random(100_000...500_000)) { [self] in connect() }
            }
            process = play.redis.process
            hasMissed = false
            tell(.up)
        }
    }

    /// An event goes out, to whoever listens.
    func publish(_ event: CompletionEvent, by server: Int) {
        guard daemon.isAlive, process == server else { return }
        if play.chance(play.faults.event) {
            // Nothing is lost inside a connection: it has broken, and this shows later.
            play.line.note(daemon.name, "is deaf")
            return cut(noticedAfter: play.line.random(0...1_500_000))
        }
        tell(.event(event))
        if play.chance(play.faults.event) { tell(.event(event)) }
    }

    /// The subscription breaks.
    func cut(noticedAfter delay: Int64) {
        guard process != nil else { return }
        process = nil
        hasMissed = true
        daemon.after(delay) { [self] in
            tell(.down("cut"))
            connect()
        }
    }

    /// In order, to each loop in its own time.
    private func tell(_ signal: EventSignal) {
        play.line.note(daemon.name, "hears \(signal)")
        lastArrival = max(lastArrival, play.line.now + play.line.delay())
        for loop in daemon.loops {
            underWay += 1
            play.line.at(lastArrival) { [self] in
                daemon.arrive { [self] in
                    underWay -= 1
                    switch signal {
                    case .up: isUpTold = true
                    case .down: isUpTold = false
                    case .event: break
                    }
                    loop.turn { loop.worker.receive(signal) }
                }
            }
        }
    }
}
