/// A private Redis with one partition, and short words for what the tests do to it.
internal import CouponCore
internal import Logging
internal import TestSupport

@testable internal import CouponRedis

let partition = PartitionID(3)
/// Above 2^53, where a number in Lua would be somebody else's.
let bigUser: Int64 = 9_007_199_254_740_993
let hour: Int64 = 3_600_000_000

final class Bench {
    let server: RedisServer
    let control: RedisGateControl

    init(_ settings: [String] = [], retention: Int64 = 0) async throws {
        server = try await RedisServer(settings)
        var options = RedisOptions(address: .unix(path: server.socket))
        options.finishedRetentionMilliseconds = retention
        control = RedisGateControl(options: options, logger: Logger(label: "test"))
    }

    /// Another way to the same Redis.
    func another(
        _ change: (inout RedisOptions) -> Void = { _ in }
    ) -> RedisGateControl {
        var options = control.options
        change(&options)
        return RedisGateControl(options: options, logger: Logger(label: "test"))
    }

    /// An open gate of `epoch`, nothing loaded.
    func open(epoch: Epoch = 1, settled: Position = .zero, queued: Int64 = 0) throws {
        _ = try control.fence(partition, epoch: epoch, installID: "install")
        _ = try control.open(partition, epoch: epoch, settled: settled, queued: queued)
    }

    /// An open gate of epoch 1 with one coupon.
    func open(_ coupon: Coupon) throws {
        try open()
        _ = try load(coupon)
    }

    func load(
        _ coupon: Coupon, holders: [LoadedHolder] = [], used: Int64 = 0, queued: Int64 = 0,
        next: Int64 = 1, epoch: Epoch = 1
    ) throws -> LoadResult {
        let token = try view().loadToken
        return try control.load(
            LoadedCoupon(
                coupon: coupon, holders: holders, used: used, queued: queued, nextSequence: next),
            partition: partition, epoch: epoch, token: token)
    }

    func view(after: Position = .zero, upTo: Position? = nil, maximum: Int = 5_000) throws
        -> GateView
    {
        try control.read(partition, after: after, upTo: upTo, maximumRequests: maximum)
    }

    func inspect(_ user: Int64? = nil, coupon: Int64 = 7) throws -> GateInspection {
        try control.inspect(CouponID(coupon), partition: partition, user: user.map { UserID($0) })
    }

    /// One call of the gate script, past the channel.
    func answer(
        _ requests: [GateRequest], epoch: Epoch = 1, floor: Int64 = 0, coupon: Int64 = 7,
        by control: RedisGateControl? = nil, identity: RedisIdentity? = nil
    ) throws -> GateAnswer {
        let control = control ?? self.control
        let call = GateCall(
            partition: partition, epoch: epoch, identity: try identity ?? control.identity(),
            floor: floor, coupon: CouponID(coupon), requests: requests)
        let reply = try control.perform { connection throws(GateControlError) in
            let digest = try connection.call(Command("SCRIPT", "LOAD", Script.gate)).text ?? ""
            return try connection.call(Command(call, digest: digest, options: control.options))
        }
        guard let answer = GateAnswer(reply.bytesValue ?? [], requestCount: requests.count)
        else { throw GateControlError.unexpectedReply("\(reply)") }
        return answer
    }

    /// The reply to one call, which must be one.
    func ask(_ requests: GateRequest..., coupon: Int64 = 7, epoch: Epoch = 1) throws -> GateReply {
        let answer = try answer(requests, epoch: epoch, coupon: coupon)
        guard case .reply(let reply) = answer else {
            throw GateControlError.unexpectedReply("\(answer)")
        }
        return reply
    }

    func settle(
        from: Position, to: Position, _ coupons: [SettledCoupon] = [],
        refusals: [Refusal] = [], recovery: Bool = false, identity: RedisIdentity? = nil
    ) throws -> Bool {
        try control.settle(
            Settlement(
                partition: partition, epoch: 1, identity: identity ?? control.identity(),
                from: from,
                to: to, issuedAt: Timestamp(microseconds: 5), isRecovery: recovery,
                coupons: coupons,
                refusals: refusals), thenReading: 1) != nil
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
    issued: Int64 = 0, opens: Int64 = 0, closes: Int64 = 4_000_000_000_000_000
) -> Coupon {
    Coupon(
        id: CouponID(id), title: "t", total: total,
        window: Window(
            opens: Timestamp(microseconds: opens), closes: Timestamp(microseconds: closes)),
        state: state, version: version, issued: issued)
}

func partitionRow(epoch: Epoch, cursor: Position = .zero) -> PartitionRow {
    PartitionRow(id: partition, epoch: epoch, cursor: cursor, identity: nil, installID: "")
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

func refusal(
    _ user: Int64, sequence: Int64, at position: Position, _ reason: RejectionReason,
    name: String = "a", issued: Holding? = nil, coupon: Int64 = 7
) -> Refusal {
    Refusal(
        holding: Holding(
            coupon: CouponID(coupon), user: UserID(user), sequence: sequence, requestID: id(name)),
        position: position, reason: reason, issued: issued)
}

extension EventSignal {
    /// The same event at another time: when a script ran is not known to the test.
    func published(at time: Timestamp) -> EventSignal {
        guard case .event(var event) = self else { return self }
        event.publishedAt = time
        return .event(event)
    }
}
