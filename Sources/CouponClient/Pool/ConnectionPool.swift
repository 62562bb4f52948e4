internal import CouponWire
internal import Logging
internal import NIOCore

/// The connections of a client: a few to each daemon. A call goes out on the one with the fewest unanswered
/// requests.
///
/// Connections are made when a call needs one. A connection that breaks, or whose daemon is going to stop,
/// gets no further call; a new one is made while the others serve. Confined to its event loop.
final class ConnectionPool {
    private enum State { case open, draining, closed }

    /// How many times, at most, a call is sent again on another connection because a daemon did not read it.
    private static let mostMoves = 4
    /// With this many unanswered requests on a connection another one is made to the same daemon, if the
    /// configuration allows it.
    private static let busyConnection = 32

    let loop: any EventLoop
    let configuration: ClientConfiguration
    let logger: Logger
    let origins: [Origin]
    let lookUp: NameLookup.Function
    /// Attempts to connect, and lookups of names, that have not ended.
    var attempts = 0
    /// Whether an endpoint may lack a connection.
    var needsConnections = true
    private var waiting: [Call] = []
    private var unanswered = 0
    private var state = State.open
    private var turn = 0

    init(
        addresses: [ServerAddress], configuration: ClientConfiguration, loop: any EventLoop,
        logger: Logger, lookUp: @escaping NameLookup.Function
    ) {
        origins = addresses.map(Origin.init)
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.lookUp = lookUp
    }

    /// Calls that have no answer.
    var callsInProgress: Int { unanswered + waiting.count }
    /// Connections that can be used.
    var connections: [ClientConnection] {
        origins.flatMap { $0.endpoints.flatMap(\.connections) }
    }
    var isClosed: Bool { state == .closed }

    /// Sends a call, now or once there is a connection.
    func perform(_ call: Call) {
        guard !call.isEnded else { return }
        guard state == .open else { return call.end(.failure(.notConnected)) }
        if needsConnections { connect(isUrgent: false) }
        guard let connection = leastLoaded() else { return wait(call) }
        send(call, on: connection)
    }

    private func send(_ call: Call, on connection: ClientConnection) {
        let deadline =
            call.limit == nil
            ? call.deadline : call.remaining(now: loop.now, default: configuration.deadline)
        do throws(ClientError) {
            unanswered += 1
            let number = try connection.send(call.method, trace: call.trace, deadline: deadline) {
                self.unanswered -= 1
                self.ended(call, $0)
            }
            call.sent(on: connection, as: number)
        } catch {
            unanswered -= 1
            call.end(.failure(error))
        }
    }

    private func ended(_ call: Call, _ result: Result<Response.Result, ClientError>) {
        guard case .failure(.notConnected) = result, call.moves < Self.mostMoves, state == .open
        else { return call.end(result) }
        call.move()
        perform(call)
    }

    // MARK: Choosing

    /// The open connection with the fewest unanswered requests. Equal ones take turns.
    private func leastLoaded() -> ClientConnection? {
        var best: (connection: ClientConnection, endpoint: Endpoint)?
        var equals = 0
        for origin in origins {
            for endpoint in origin.endpoints {
                for connection in endpoint.connections where connection.isOpen {
                    guard let other = best, connection.inFlight >= other.connection.inFlight else {
                        best = (connection, endpoint)
                        equals = 1
                        continue
                    }
                    guard connection.inFlight == other.connection.inFlight else { continue }
                    equals += 1
                    if turn % equals == 0 { best = (connection, endpoint) }
                }
            }
        }
        turn &+= 1
        guard let (connection, endpoint) = best else { return nil }
        if connection.isStale {
            connection.close()
            return leastLoaded()
        }
        if connection.inFlight >= Self.busyConnection,
            endpoint.mayDial(
                now: loop.now, upTo: configuration.connectionsPerAddress, isUrgent: false)
        {
            dial(endpoint)
        }
        return connection
    }

    // MARK: Waiting

    private func wait(_ call: Call) {
        guard waiting.count < configuration.maximumInFlight else {
            return call.end(.failure(.tooManyInFlight))
        }
        waiting.append(call)
        if let limit = call.limit {
            loop.assumeIsolated().scheduleTask(deadline: limit) { self.endIfWaiting(call) }
        }
        connect(isUrgent: true)
        if attempts == 0 { giveUp(.notConnected) }
    }

    private func endIfWaiting(_ call: Call) {
        guard waiting.contains(where: { $0 === call }) else { return }
        waiting.removeAll { $0 === call }
        call.end(
            .failure(
                .cannotConnect(
                    origins[0].address, reason: "no connection before the deadline")))
    }

    /// The caller does not want the answer of a call any more.
    func cancel(_ call: Call) {
        call.cancel()
        waiting.removeAll { $0 === call }
    }

    /// There is a connection: sends the calls that waited for one.
    func serve() {
        let served = waiting
        waiting = []
        for call in served { perform(call) }
    }

    /// No attempt to connect is left: ends the calls that wait for a connection.
    func giveUp(_ error: ClientError) {
        let failed = waiting
        waiting = []
        for call in failed { call.end(.failure(error)) }
    }

    // MARK: The end

    /// Begins no further call.
    func drain() { if state == .open { state = .draining } }

    func close() {
        state = .closed
        for connection in connections { connection.close() }
        giveUp(.notConnected)
    }
}
