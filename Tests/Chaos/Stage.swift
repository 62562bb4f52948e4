/// Where a round takes place: servers, daemons, and the proxies between them.
internal import CouponClient
internal import CouponCore
internal import HistoryChecker
internal import Synchronization
internal import TestSupport
internal import TestWorld

/// A daemon's place: the process may change, the way to it and its own ways stay.
final class Seat: Sendable {
    let number: Int
    let address: ServerAddress
    private let world: World
    private let proxies: [Link: Proxy]
    private let sockets: (redis: String, postgres: String)
    private let process = Mutex<Daemon?>(nil)

    init(_ number: Int, _ world: World) async throws {
        self.number = number
        self.world = world
        let folder = try world.folder.makeFolder("proxies-\(number)")
        sockets = (folder + "/redis.sock", folder)
        let proxies = Dictionary(uniqueKeysWithValues: Link.allCases.map { ($0, Proxy()) })
        self.proxies = proxies
        proxies[.redis]?.target = .path(world.redis.socket)
        proxies[.postgres]?.target = .path(world.postgres.socket)
        try await proxies[.redis]?.listen(at: .path(sockets.redis))
        try await proxies[.postgres]?.listen(at: .path(folder + "/.s.PGSQL.5432"))
        let port = try await proxies[.client]?.listen(at: .port(0)) ?? 0
        address = ServerAddress(host: "127.0.0.1", port: port)
    }

    /// The process that sits here; nil while there is none.
    var daemon: Daemon? { process.withLock { $0 } }

    func proxy(_ link: Link) -> Proxy? { proxies[link] }

    /// Starts a daemon here; it may not be ready yet.
    func start(failpoint: Failpoint? = nil) throws {
        let database = world.database.split(separator: " ").filter { !$0.hasPrefix("host=") }
        let daemon = try Daemon(
            world, [], failpoint, redis: "unix:\(sockets.redis)",
            postgres: (["host=\(sockets.postgres)"] + database).joined(separator: " "))
        process.withLock { $0 = daemon }
        proxies[.client]?.target = .port(daemon.port)
    }

    /// Kills what sits here.
    func kill() async throws {
        proxies[.client]?.target = nil
        try await daemon?.kill()
        process.withLock { $0 = nil }
    }

    func close() async {
        for proxy in proxies.values { await proxy.close() }
    }
}

/// One round's world, with a load that runs against it.
final class Stage: Sendable {
    let world: World
    let seats: [Seat]
    let load: Load

    init(_ schedule: Schedule, postgres: PostgresServer) async throws {
        world = try await World(postgres: postgres)
        var seats: [Seat] = []
        for number in 0..<schedule.daemons { seats.append(try await Seat(number, world)) }
        self.seats = seats
        var manners = Load.Manners()
        manners.deadlines = [300, 2_000, 10_000]
        manners.doubt = true
        load = Load(world, offers: schedule.offers, wishes: schedule.wishes, manners: manners)
        for seat in seats { try seat.start() }
        try await ready()
        for (coupon, total) in schedule.offers {
            try await insist {
                try await seats[0].daemon?.client.create(.offer(coupon.rawValue, total: total))
            }
        }
        for seat in seats { load.add(seat.address, as: seat.number) }
    }

    /// Waits until every daemon accepts.
    func ready() async throws {
        for seat in seats { try await seat.daemon?.ready() }
    }

    /// Ends everything.
    func close() async throws {
        for seat in seats {
            try await seat.kill()
            await seat.close()
        }
        try world.postgres.dropDatabase(world.database)
    }

    /// Writes down that nobody can be answered in time by this daemon, for as long as `body` takes and
    /// `afterwards`, in milliseconds: what stood in its socket is answered late.
    func disturbing(
        _ seat: Seat, afterwards: Int64 = 1_000, _ body: () async throws -> Void
    ) async throws {
        let from = load.recorder.now
        defer {
            let to = load.recorder.now.advanced(byMilliseconds: afterwards)
            load.recorder.note {
                $0.disturbances[seat.number, default: []].append(Interval(from: from, to: to))
            }
        }
        try await body()
    }
}
