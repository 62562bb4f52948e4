/// A private Redis with one partition, and short functions for what the tests do to it.
internal import CoreTestKit
internal import CouponCore
internal import Foundation
internal import Logging
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

let partition = PartitionID(3)
/// Above 2^53, where a number in Lua would be rounded to another id.
let bigUser: Int64 = 9_007_199_254_740_993
let hour: Int64 = 3_600_000_000

final class RedisFixture {
    let server: RedisServer
    /// With the rights of a daemon.
    let control: RedisGateControl
    private let anybody: RedisGateControl
    private var lastLoad: LoadNumber = 0

    /// - Parameter certificates: for TLS; with `REDIS_TLS=1` all fixtures have some.
    init(
        _ settings: [String] = [], retention: Int64 = 0, certificates: BackendCertificates? = nil
    ) async throws {
        server = try await RedisServer(settings, certificates: certificates)
        var options = RedisOptions(address: .unix(path: server.socket))
        if let certificates = server.certificates {
            let tls = try RedisTLS(certificates)
            options.place = .address(.tcp(host: "127.0.0.1", port: server.port))
            options.credentials = { RedisCredentials(tls: tls) }
        }
        options.finishedRetentionMilliseconds = retention
        // Only a failing test should reach it; a busy machine may be slow.
        options.commandTimeoutMilliseconds = 60_000
        anybody = RedisGateControl(options: options, logger: Logger(label: "test"))
        // What a daemon may do must suffice for all that the control does.
        options.username = LeastRights.redisUser
        options.show(password: LeastRights.redisPassword)
        control = RedisGateControl(options: options, logger: Logger(label: "test"))
    }

    /// Another connection to the same Redis.
    func another(
        _ change: (inout RedisOptions) -> Void = { _ in }
    ) -> RedisGateControl {
        var options = control.options
        change(&options)
        return RedisGateControl(options: options, logger: Logger(label: "test"))
    }

    /// How many connections the server has accepted so far.
    func connections() async throws -> Int {
        let stats = try await server.cli("INFO", "stats")
        let count = stats.firstMatch(of: /total_connections_received:(\d+)/).flatMap { Int($0.1) }
        guard let count else { throw BackendError.redis(.unexpectedReply(stats)) }
        return count
    }

    /// An open gate of `epoch`, nothing loaded.
    func open(epoch: Epoch = 1, settled: Position = .zero) throws {
        _ = try fence(epoch: epoch, cursor: settled)
        _ = try finish(epoch: epoch, cursor: settled, counted: settled)
    }

    /// The row of a rebuild in this Redis.
    func row(epoch: Epoch, cursor: Position = .zero) throws -> PartitionRow {
        PartitionRow(
            id: partition, epoch: epoch, cursor: cursor, identity: try control.identity(),
            installID: "install")
    }

    func fence(epoch: Epoch, cursor: Position = .zero) throws -> Bool {
        try control.fence(try row(epoch: epoch, cursor: cursor))
    }

    /// The end of a rebuild.
    func finish(epoch: Epoch, cursor: Position = .zero, counted: Position) throws -> Bool {
        try control.open(try row(epoch: epoch, cursor: cursor), counted: counted)
    }

    /// Counts what is queued after `from` in a fenced gate.
    func count(epoch: Epoch, from: Position) throws -> Position {
        let items = try control.entries(partition, after: from, limit: 1_000)
        let to = items.last?.position ?? from
        #expect(
            try control.count(
                items.flatMap(\.requests), from: from, to: to, partition: partition, epoch: epoch))
        return to
    }

    /// An open gate of epoch 1 with one coupon.
    func open(_ coupon: Coupon) throws {
        try open()
        _ = try load(coupon)
    }

    /// A whole load into an open gate.
    func load(
        _ coupon: Coupon, holders: [LoadedHolder] = [], held: Int64 = 0, epoch: Epoch = 1
    ) throws -> LoadResult {
        let (claimed, load) = try claim(coupon.id.rawValue, epoch: epoch)
        guard claimed == .claimed else {
            return claimed == .alreadyLoaded ? .alreadyLoaded : .superseded
        }
        return try name(coupon, holders: holders, held: held, epoch: epoch, load: load)
    }

    /// A new load claims a coupon.
    func claim(_ coupon: Int64 = 7, epoch: Epoch = 1) throws -> (ClaimResult, LoadNumber) {
        lastLoad += 1
        let claimed = try control.claim(
            CouponID(coupon), partition: partition, epoch: epoch, load: lastLoad)
        return (claimed, lastLoad)
    }

    /// The end of a load; with `load` nil, of a load in a rebuild.
    func name(
        _ coupon: Coupon, holders: [LoadedHolder] = [], staged: Int64 = 0, held: Int64 = 0,
        epoch: Epoch = 1, load: LoadNumber?
    ) throws -> LoadResult {
        try control.load(
            [
                LoadedCoupon(
                    marks: LoadMarks(coupon: coupon, held: held), holders: holders, staged: staged)
            ], partition: partition, epoch: epoch, load: load)
    }

    /// Stages holders of a coupon.
    func stage(
        _ holders: [LoadedHolder], _ coupon: Int64 = 7, epoch: Epoch = 1, load: LoadNumber?
    ) throws -> Bool {
        try control.stage(
            holders, of: CouponID(coupon), partition: partition, epoch: epoch, load: load)
    }

    /// Makes a load's claim look as if it had not moved for a long time, or since `moved`.
    func age(_ claim: String, load: LoadNumber, moved: Int64 = 1) throws {
        var bytes = ByteWriter(capacity: 16)
        bytes.append(load)
        bytes.append(moved)
        try put(claim, bytes.bytes)
    }

    func claimKey(_ coupon: Int64 = 7) -> String { Keys.claim(CouponID(coupon), partition, 1) }

    func stagedKey(_ coupon: Int64 = 7) -> String { Keys.staged(CouponID(coupon), partition, 1) }

    /// Writes a string of any bytes.
    func put(_ key: String, _ bytes: [UInt8]) throws {
        var command = Command(argumentCount: 3)
        command.append("SET")
        command.append(key)
        command.append(bytes)
        try call(command)
    }

    /// Gives a user's holder bytes that no script writes.
    func damageHolder(
        _ user: Int64, of coupon: Int64 = 7, _ bytes: [UInt8] = [1, 0, 7]
    ) throws {
        var command = Command(argumentCount: 4)
        command.append("HSET")
        command.append(Keys.holders(CouponID(coupon), partition, 1))
        command.append(byteCount: 8) { $0.append(UserID(user)) }
        command.append(bytes)
        try call(command)
    }

    /// A command of the test, by a user who may do everything.
    @discardableResult
    func call(_ command: Command) throws -> Reply {
        try anybody.perform(partition) { connection throws(BackendError) in
            try connection.call(command)
        }
    }

    /// All keys.
    func keys() throws -> [String] {
        (try call(Command("KEYS", "*")).elements ?? []).compactMap(\.text)
    }

    /// The check whether a coupon may go is due now.
    func itIsTime(_ coupon: Int64 = 7, epoch: Epoch = 1) throws {
        try call(Command("ZADD", Keys.coupons(partition, epoch), "XX", "0", String(coupon)))
    }

    /// When the check whether a coupon may go is due, in milliseconds; `.max` is never.
    func visit(_ coupon: Int64 = 7) throws -> Int64? {
        let reply = try call(Command("ZSCORE", Keys.coupons(partition, 1), String(coupon)))
        guard let text = reply.text else { return nil }
        return text == "inf" ? .max : Int64(text)
    }

    /// Runs a search to its end, and counts its slices.
    func search(_ positions: Set<Position>) throws -> (found: HolderSearch, slices: Int) {
        var (search, slices) = (HolderSearch(positions: positions), 0)
        while !search.isOver {
            try control.search(&search, partition: partition)
            slices += 1
        }
        return (search, slices)
    }

    /// Runs one unload.
    func unload(epoch: Epoch = 1, limit: Int = 100) throws -> Bool {
        try control.unload(partition, epoch: epoch, limit: limit)
    }

    func view(after: Position = .zero, upTo: Position? = nil, maximum: Int = 5_000) throws
        -> GateView
    {
        try control.read(partition, after: after, upTo: upTo, maximumRequests: maximum)
    }

    func inspect(_ user: Int64? = nil, coupon: Int64 = 7) throws -> GateInspection {
        try control.inspect(CouponID(coupon), partition: partition, user: user.map { UserID($0) })
    }

    /// One call of the gate script, without the gate connection.
    func answer(
        _ requests: [GateRequest], epoch: Epoch = 1, floor: Int64 = 0, coupon: Int64 = 7,
        by control: RedisGateControl? = nil, identity: RedisIdentity? = nil
    ) throws -> GateAnswer {
        let control = control ?? self.control
        return try answer(
            GateCall(
                partition: partition, epoch: epoch, identity: try identity ?? control.identity(),
                floor: floor, coupon: CouponID(coupon), requests: requests), by: control)
    }

    /// A call about several coupons.
    func answer(
        _ questions: (coupon: Int64, requests: [GateRequest])...,
        by control: RedisGateControl? = nil
    ) throws -> GateAnswer {
        try answer(
            GateCall(
                partition: partition, epoch: 1, identity: try self.control.identity(), floor: 0,
                questions: questions.map {
                    GateQuestion(coupon: CouponID($0.coupon), requests: $0.requests)
                }), by: control ?? self.control)
    }

    /// The same for any call.
    func answer(_ call: GateCall, by control: RedisGateControl) throws -> GateAnswer {
        let reply = try control.perform(partition) { connection throws(BackendError) in
            let digest = try connection.call(Command("SCRIPT", "LOAD", Script.gate)).text ?? ""
            return try connection.call(Command(call, digest: digest, options: control.options))
        }
        guard let answer = GateAnswer(reply.bytesValue ?? [], to: call)
        else { throw BackendError.redis(.unexpectedReply("\(reply)")) }
        return answer
    }

    /// The reply to a call about one coupon; another answer fails the test.
    func ask(_ requests: GateRequest..., coupon: Int64 = 7, epoch: Epoch = 1) throws
        -> CouponReply
    {
        let answer = try answer(requests, epoch: epoch, coupon: coupon)
        guard case .reply(let reply) = answer, let judgement = reply.judgements.first else {
            throw BackendError.redis(.unexpectedReply("\(answer)"))
        }
        return CouponReply(reply, judgement)
    }

    func settle(
        from: Position, to: Position, _ coupons: [SettledCoupon] = [],
        rejections: [Rejection] = [], recovery: Bool = false, identity: RedisIdentity? = nil
    ) throws -> Bool {
        try control.settle(
            Settlement(
                partition: partition, epoch: 1, identity: identity ?? control.identity(),
                from: from,
                to: to, issuedAt: Timestamp(microseconds: 5), isRecovery: recovery,
                coupons: coupons,
                rejections: rejections), thenReading: 1) != nil
    }
}

/// What the gate says of one coupon.
struct CouponReply {
    let now: Timestamp
    let tail: Int64
    let settled: Position
    let rev: Int64
    let version: Int64
    let door: Door
    let verdicts: [GateVerdict]

    init(_ reply: GateReply, _ judgement: GateJudgement) {
        (now, tail, settled) = (reply.now, reply.tail, reply.settled)
        (rev, version) = (judgement.rev, judgement.version)
        (door, verdicts) = (judgement.door, judgement.verdicts)
    }
}

extension Command {
    /// A command whose last argument is a script's text.
    init(_ first: String, _ second: String, _ script: Script) {
        self.init(argumentCount: 3)
        append(first)
        append(second)
        append(script.text)
    }
}

func coupon(
    _ id: Int64 = 7, total: Int64? = 10, state: CouponState = .active, version: Int64 = 1,
    issued: Int64 = 0, last: Int64 = 0, opens: Int64 = 0, closes: Int64 = 4_000_000_000_000_000
) -> Coupon {
    Coupon(
        id: CouponID(id), title: "t", total: total,
        window: Window(
            opens: Timestamp(microseconds: opens), closes: Timestamp(microseconds: closes)),
        state: state, version: version, issued: issued, lastSequence: last)
}

func partitionRow(epoch: Epoch, cursor: Position = .zero) -> PartitionRow {
    PartitionRow(id: partition, epoch: epoch, cursor: cursor, identity: nil, installID: "")
}

/// A user with a row in PostgreSQL.
func holder(
    _ user: Int64, sequence: Int64, name: String = "a", rejection: RejectionReason? = nil,
    keepsSlot: Bool = false
) -> LoadedHolder {
    LoadedHolder(
        user: UserID(user),
        holder: GateHolder(
            sequence: sequence, position: .zero, requestID: id(name), rejection: rejection,
            keepsSlot: keepsSlot))
}

func id(_ text: String) -> RequestID { RequestID(Array(text.utf8)) ?? .empty }

func request(
    _ user: Int64, _ name: String = "a", notAfter: Int64 = .max
) -> GateRequest {
    GateRequest(
        user: UserID(user), requestID: id(name), notAfter: Timestamp(microseconds: notAfter))
}

func at(_ n: Int64, epoch: Epoch = 1) -> Position { Position(epoch: epoch, n: n) }

func settled(_ coupon: Coupon, _ requests: Int64) -> SettledCoupon {
    SettledCoupon(id: coupon.id, coupon: coupon, requests: requests)
}

func rejection(
    _ user: Int64, sequence: Int64, at position: Position, _ reason: RejectionReason,
    name: String = "a", issued: AcceptedRequest? = nil, coupon: Int64 = 7
) -> Rejection {
    Rejection(
        accepted: AcceptedRequest(
            coupon: CouponID(coupon), user: UserID(user), sequence: sequence, requestID: id(name)),
        position: position, reason: reason, issued: issued)
}

extension EventSignal {
    /// The same event at another time, because the test does not know when a script ran.
    func published(at time: Timestamp) -> EventSignal {
        guard case .event(var event) = self else { return self }
        event.publishedAt = time
        return .event(event)
    }
}

extension RedisTLS {
    /// - Parameters:
    ///   - authority: a path; nil is the authority of Redis.
    ///   - client: nil is the client that Redis knows.
    init(
        _ certificates: BackendCertificates, authority: String? = nil,
        client: BackendCertificates.Pair? = nil, serverName: String = "127.0.0.1"
    ) throws {
        let client = client ?? certificates.client
        func bytes(_ path: String) throws -> [UInt8] {
            Array(try Data(contentsOf: URL(filePath: path)))
        }
        try self.init(
            authority: try bytes(authority ?? certificates.authority),
            certificate: try bytes(client.certificate), key: try bytes(client.key),
            serverName: serverName)
    }
}

extension RedisOptions {
    mutating func show(password: String) {
        credentials = { [credentials] in
            var all = credentials()
            all.password = password
            return all
        }
    }
}
