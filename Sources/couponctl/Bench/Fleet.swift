internal import CouponClient
internal import NIOCore
internal import NIOPosix

/// Many connections on up to two event loops: enough to keep a daemon busy that has as many cores.
struct Fleet: Sendable {
    private struct FleetLoop: Sendable {
        let loop: any EventLoop
        let connections: [NIOLoopBound<ClientConnection>]
    }

    private let fleetLoops: [FleetLoop]

    /// Connects.
    /// - Throws: `ClientError.cannotConnect` if one connection cannot be made.
    init(
        address: ServerAddress, connections: Int, configuration: ClientConfiguration
    ) async throws {
        let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator().prefix(2))
        var fleetLoops: [FleetLoop] = []
        for (index, loop) in loops.enumerated() {
            let mine = stride(from: index, to: connections, by: loops.count).map { _ in
                ClientConnection.connect(to: address, on: loop, configuration: configuration)
            }
            guard !mine.isEmpty else { continue }
            let connected = EventLoopFuture.whenAllSucceed(mine, on: loop)
            fleetLoops.append(FleetLoop(loop: loop, connections: try await connected.get()))
        }
        self.fleetLoops = fleetLoops
    }

    /// Asks all questions of a script, each once, and returns each loop's copy of the script with its
    /// answers.
    func run<S: LoadScript>(_ script: S, pace: Pace, progress: Progress) async throws -> [S] {
        let runs = fleetLoops.enumerated().map { index, fleetLoop in
            fleetLoop.loop.flatSubmit {
                let done = fleetLoop.loop.makePromise(of: S.self)
                let connections = fleetLoop.connections.map(\.value)
                let share = (index, fleetLoops.count)
                if let rate = pace.rate {
                    OpenLoop(
                        script, rate: rate, connections: connections, on: fleetLoop.loop,
                        share: share,
                        pace: pace, progress: progress, done: done
                    ).run()
                } else {
                    ClosedLoop(
                        script, connections: connections, share: share, pace: pace,
                        progress: progress, done: done
                    ).start()
                }
                return done.futureResult
            }
        }
        return try await EventLoopFuture.whenAllSucceed(runs, on: fleetLoops[0].loop).get()
    }

    /// Closes all connections.
    func close() {
        for fleetLoop in fleetLoops {
            fleetLoop.loop.execute {
                for connection in fleetLoop.connections { connection.value.close() }
            }
        }
    }
}
