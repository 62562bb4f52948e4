internal import CouponClient
internal import CouponWire
internal import NIOCore

/// Asks at a fixed rate, however fast the answers come. Latency counts from the moment at which a question is
/// due, even if it goes out late because the connections were full or this machine was busy. So a stall
/// counts for every user that would have asked during it, not only for the questions in flight.
final class OpenLoop<S: LoadScript> {
    private let connections: [ClientConnection]
    private let loop: any EventLoop
    private let pipeline: Int
    private let step: Int
    private let deadline: TimeAmount
    private let progress: Progress
    private let done: EventLoopPromise<S>
    private let start = NIODeadline.now()
    private let nanosecondsEach: Double

    private var script: S
    private var next: Int
    private var turn = 0
    private var unanswered = 0
    private var isDone = false

    /// - Parameters:
    ///   - rate: questions a second, over all loops.
    ///   - share: asks every `share.of`-th question, beginning with number `share.index`.
    init(
        _ script: S, rate: Double, connections: [ClientConnection], on loop: any EventLoop,
        share: (index: Int, of: Int), pace: Pace, progress: Progress, done: EventLoopPromise<S>
    ) {
        self.script = script
        self.connections = connections
        self.loop = loop
        self.progress = progress
        self.done = done
        nanosecondsEach = 1e9 / rate
        pipeline = pace.pipeline
        deadline = pace.deadline
        next = share.index
        step = share.of
    }

    /// Asks what is due, and runs again when the next question is due.
    func run() {
        while next < script.count, moment(next) <= .now(), let connection = freeConnection() {
            ask(next, over: connection)
            next += step
        }
        finishIfDone()
        guard next < script.count, !isDone else { return }
        // A due question that found no room is tried again soon.
        let pause = max(.microseconds(100), moment(next) - .now())
        loop.assumeIsolated().scheduleTask(in: pause) { self.run() }
    }

    /// When a question is to be asked.
    private func moment(_ number: Int) -> NIODeadline {
        start + .nanoseconds(Int64(Double(number) * nanosecondsEach))
    }

    /// Connections take turns; nil if all are full or closed.
    private func freeConnection() -> ClientConnection? {
        for _ in connections {
            turn = (turn + 1) % connections.count
            let connection = connections[turn]
            if connection.isOpen && connection.inFlight < pipeline { return connection }
        }
        return nil
    }

    private func ask(_ number: Int, over connection: ClientConnection) {
        let asked = moment(number).uptimeNanoseconds
        unanswered += 1
        do throws(ClientError) {
            try connection.send(script.question(number), deadline: deadline) { answer in
                self.record(number, answer, asked: asked)
            }
        } catch {
            record(number, .failure(error), asked: asked)
        }
    }

    private func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64
    ) {
        unanswered -= 1
        let now = NIODeadline.now().uptimeNanoseconds
        script.record(number, answer, asked: asked, now: max(now, asked))
        progress.advance(by: 1)
        finishIfDone()
    }

    private func finishIfDone() {
        guard !isDone, unanswered == 0,
            next >= script.count || !connections.contains(where: \.isOpen)
        else { return }
        isDone = true
        done.succeed(script)
    }
}
