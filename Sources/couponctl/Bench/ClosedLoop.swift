internal import CouponClient
internal import CouponWire
internal import NIOCore

/// Keeps so many requests in flight on each connection of one event loop until all questions are
/// asked and answered. If a connection breaks, its questions are answered by that error.
final class ClosedLoop<S: LoadScript> {
    private let connections: [ClientConnection]
    private let pipeline: Int
    private let step: Int
    private let deadline: TimeAmount
    private let progress: Progress
    private let done: EventLoopPromise<S>

    private var script: S
    private var next: Int
    private var unanswered = 0
    private var unreported = 0

    /// - Parameters:
    ///   - share: asks every `share.of`-th question, beginning with number `share.index`.
    init(
        _ script: S, connections: [ClientConnection], share: (index: Int, of: Int), pace: Pace,
        progress: Progress, done: EventLoopPromise<S>
    ) {
        self.script = script
        self.connections = connections
        self.progress = progress
        self.done = done
        pipeline = pace.pipeline
        deadline = pace.deadline
        next = share.index
        step = share.of
    }

    func start() {
        for connection in connections { fill(connection) }
        finishIfDone()
    }

    private func fill(_ connection: ClientConnection) {
        while next < script.count, connection.inFlight < pipeline {
            let number = next
            let asked = NIODeadline.now().uptimeNanoseconds
            do throws(ClientError) {
                try connection.send(script.question(number), deadline: deadline) { answer in
                    self.record(number, answer, asked: asked, from: connection)
                }
            } catch {
                // This connection is closed: the others go on.
                return
            }
            next += step
            unanswered += 1
        }
    }

    private func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64,
        from connection: ClientConnection
    ) {
        unanswered -= 1
        script.record(number, answer, asked: asked, now: NIODeadline.now().uptimeNanoseconds)
        report()
        fill(connection)
        finishIfDone()
    }

    /// Reports in steps, to keep the loops from contending for one counter.
    private func report() {
        unreported += 1
        guard unreported == 64 || unanswered == 0 else { return }
        progress.advance(by: unreported)
        unreported = 0
    }

    private func finishIfDone() {
        guard unanswered == 0, next >= script.count || !connections.contains(where: \.isOpen)
        else { return }
        done.succeed(script)
    }
}

/// How fast a loop asks.
struct Pace: Sendable {
    /// Requests in flight on each connection; in an open loop the most.
    let pipeline: Int
    /// How long the daemon may take for each.
    let deadline: TimeAmount
    /// Requests a second in an open loop; nil: a closed one, which asks as fast as it is answered.
    var rate: Double?
}
