/// How long it takes after the last commit until all of four daemons know that a coupon is sold out.
internal import CouponCore
internal import CouponWire
internal import Glibc

func measureSpread(_ stage: Stage) async throws -> [Figure] {
    let sales = 50
    let total = 100
    let daemons = try await stage.daemons(4, eventLoops: 1)
    let witnesses = try daemons.map { try Witness(port: $0.port) }
    var spreads: [Double] = []
    for _ in 0..<sales {
        let coupon = try stage.makeCoupons(1, total: total)
        // Every daemon has accepted some requests, so each has a mark that must change.
        var generators: [LoadGenerator<IssueDialect>] = []
        for daemon in daemons {
            generators.append(
                try stage.generator(daemon, coupon, users: total / daemons.count, connections: 1))
        }
        for generator in generators {
            _ = try generator.closedLoop(questions: total / daemons.count, pipeline: 1)
                .checked(OutcomeCode.accepted)
        }
        let committed = try untilCommitted(stage, coupon, total)
        for witness in witnesses { try witness.waitUntilClosed(coupon.lowerBound) }
        spreads.append(Double(nanoseconds() - committed) / 1e6)
    }
    for daemon in daemons { try await daemon.stop() }
    return [.plain("soldout_spread_ms", spreads.percentile(99), of: spreads, unit: "ms")]
}

/// When the last commit was seen, which cannot be before it happened.
private func untilCommitted(_ stage: Stage, _ coupon: Range<Int>, _ total: Int) throws -> Int {
    let deadline = nanoseconds() + 20_000_000_000
    while try stage.issued(coupon) < total {
        guard nanoseconds() < deadline else { throw BenchmarkError("a sale did not end") }
    }
    return nanoseconds()
}

/// Asks one daemon by audits what its workers know of a coupon. A request would change that knowledge; an
/// audit does not, but also reads the tables.
private final class Witness {
    private let descriptor: Int32
    private var encoder = FrameEncoder()
    private var decoder = ResponseDecoder()

    init(port: Int) throws { descriptor = try connectLoopback(port: port, isBlocking: true) }

    deinit { close(descriptor) }

    func waitUntilClosed(_ coupon: Int) throws {
        let deadline = nanoseconds() + 20_000_000_000
        while nanoseconds() < deadline {
            if case .audit(let audit) = try ask(.auditCoupon(CouponID(Int64(coupon)))),
                audit.workers > 0, audit.workersClosed == audit.workers
            {
                return
            }
        }
        throw BenchmarkError("a daemon did not learn that a coupon is sold out")
    }

    private func ask(_ method: Request.Method) throws -> Response.Result {
        let size = try encoder.prepare(Request(id: 1, deadlineMilliseconds: 5_000, method: method))
        var frame = [UInt8](repeating: 0, count: size)
        unsafe frame.withUnsafeMutableBytes { bytes in
            var output = unsafe OutputRawSpan(buffer: bytes, initializedCount: 0)
            encoder.write(into: &output)
            _ = unsafe output.finalize(for: bytes)
        }
        guard unsafe send(descriptor, frame, frame.count, Int32(MSG_NOSIGNAL)) == size else {
            throw BenchmarkError.call("send")
        }
        let prefix = try read(4)
        let length = prefix.reduce(0) { $0 << 8 | Int($1) }
        let message = try read(length)
        return unsafe try decoder.decode(message.span.bytes).result
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe recv(descriptor, &bytes, count, Int32(MSG_WAITALL)) == count else {
            throw BenchmarkError.call("recv")
        }
        return bytes
    }
}
