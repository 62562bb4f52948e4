/// Connections that hold a place and do nothing with it.
import CouponClient
import CouponCore
import CouponWire
import Glibc
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ConnectionDeadlineTests {
    @Test func `an idle connection is closed, and the client's next call works`() async throws {
        let stage = try await LimitStage(["--idle-timeout", "3s"])
        #expect(try await stage.daemon.client.serverInfo().idleSeconds == 3)
        let (silent, known) = (try stage.connect(), try stage.connect())
        try known.checkAlive()
        #expect(try silent.read(1) == nil)
        #expect(try known.read(1) == nil)
        #expect(try stage.limited("first_frame") == 1)
        try await eventually("the client's own connection is idle, too") {
            try stage.limited("idle") >= 2
        }
        let coupon = try await stage.daemon.offer(total: 1)
        #expect(try await stage.daemon.win(coupon, 1) == 1)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a connection that waits for an answer is not idle`() async throws {
        let stage = try await LimitStage(["--idle-timeout", "1s"])
        let coupon = try await stage.daemon.offer(total: nil)
        try await stage.daemon.win(coupon, 1_000)
        let lock = try await stage.world.lock(coupon)
        let waiting = try stage.connect()
        let request = IssueRequest(coupon: coupon, user: UserID(1), waitFor: .issued)
        try waiting.send(Request(id: 1, deadlineMilliseconds: 20_000, method: .issue(request)))
        let silent = try stage.connect()
        #expect(try silent.read(1) == nil, "the time has passed")
        try await lock.release()
        #expect(try waiting.response()?.id == 1)
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `while places are rare, connections without a first frame make room`()
        async throws
    {
        let stage = try await LimitStage(["--max-connections", "8"])
        let known = try stage.connect()
        try known.checkAlive()
        let silent = try (1...6).map { _ in try stage.connect() }
        try await eventually("some are closed", within: .seconds(60)) {
            try stage.limited("first_frame") > 0
        }
        try await eventually("one of them reads its end") {
            silent.contains { $0.isReadable(within: 0) }
        }
        try stage.connect().checkAlive()
        try known.checkAlive()
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `one address has its share of the connections, and gets places back`() async throws {
        let stage = try await LimitStage(["--max-connections-per-address", "3"])
        // The world's own client holds one.
        var clients = try (1...2).map { _ in try stage.connect() }
        for client in clients { try client.checkAlive() }
        let late = try stage.connect()
        let (id, failure) = try late.failure()
        #expect(id == 0)
        #expect(failure == .exhausted("too many connections from this address"))
        #expect(try late.read(1) == nil)
        for client in clients { try client.checkAlive() }
        try await stage.expectLimited("connections_of_address", by: 1)
        clients.removeLast()
        try await eventually("there is room again") {
            let next = try stage.connect()
            try next.send(Request(id: 1, method: .health))
            return try next.response()?.id == 1
        }
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `a client that does not read its answers is disconnected`() async throws {
        let stage = try await LimitStage()
        let nonReader = try stage.connectNonReader()
        try await eventually("it is disconnected", within: .seconds(60)) {
            try stage.limited("unread") == 1
        }
        withExtendedLifetime(nonReader) {}
        try await eventually("its place is free") {
            try stage.metric("coupond_connections") == 1
        }
        try stage.connect().checkAlive()
        #expect(try await stage.daemon.stop() == .code(0))
    }

    @Test func `if connections hold too many bytes, those that stand still longest are closed`()
        async throws
    {
        // Two event loops share it.
        let stage = try await LimitStage(["--max-buffer-bytes", "1048576"])
        let honest = try (1...20).map { _ in try stage.connect() }
        for client in honest { try client.checkAlive() }
        let nonReaders = try (1...16).map { _ in try stage.connectNonReader() }
        try await eventually("some are closed") { try stage.limited("buffers") > 0 }
        withExtendedLifetime(nonReaders) {}
        for client in honest { try client.checkAlive() }
        #expect(try stage.limited("buffers") < 16)
        #expect(try await stage.daemon.stop() == .code(0))
    }
}

extension LimitStage {
    /// A connection whose answers have filled all buffers on their way, because it does not read them.
    fileprivate func connectNonReader() throws -> PlainSocket {
        let socket = try PlainSocket(port: daemon.port, receiveBuffer: 4_096)
        // A short request with a longer answer.
        let question = PlainSocket.frame([0x08, 0x05, 0x52, 0x00])
        let questions = Array([[UInt8]](repeating: question, count: 4_000).joined())
        let probe = try PlainSocket(port: daemon.port)
        var (sent, misses) = (0, 0)
        while misses < 100, sent < 100_000_000 {
            do throws(SocketError) {
                let count = try socket.sendAtOnce(Array(questions[(sent % questions.count)...]))
                sent += count
                misses = count > 0 ? 0 : misses + 1
            } catch {
                guard [ECONNRESET, EPIPE].contains(error.errorNumber) else { throw error }
                return socket
            }
            // The buffers may be full for a moment only: the daemon reads while it answers another one.
            if misses > 0 { try probe.checkAlive() }
        }
        return socket
    }
}
