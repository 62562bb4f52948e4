import CouponCore
import CouponWire
import NIOCore
import NIOEmbedded
import TestWorld
import Testing

@testable import CouponClient

/// What a connection does when its daemon is going to stop.
@Suite struct GoAwayTests {
    private final class Seen {
        var answers: [Int: Result<Response.Result, ClientError>] = [:]
        var left: [ClientError] = []
    }

    private let channel: EmbeddedChannel
    private let handler = ConnectionHandler(ClientConfiguration())
    private let seen = Seen()

    init() throws {
        channel = EmbeddedChannel(handler: handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        handler.whenLeaving { [seen] in seen.left.append($0) }
    }

    private func ask(_ number: Int) throws -> UInt64 {
        let id = try handler.send(.health, deadline: nil) { seen.answers[number] = $0 }
        channel.embeddedEventLoop.run()
        return id
    }

    private func receive(_ id: UInt64, _ result: Response.Result) throws {
        try channel.writeInbound(DaemonWire.frame(Response(id: id, result: result)))
    }

    @Test func `the connection sends nothing more, and closes when all is answered`() throws {
        let ids = [try ask(0), try ask(1)]
        try receive(0, .goAway(isLast: false))
        #expect(seen.left == [.notConnected] && channel.isActive)
        #expect(throws: ClientError.notConnected) { try ask(2) }
        for (number, id) in ids.enumerated() {
            try receive(id, .health(notReady: nil))
            #expect(seen.answers[number] == .success(.health(notReady: nil)))
        }
        #expect(!channel.isActive && seen.left.count == 1)
    }

    @Test func `requests that the daemon has not read at its last frame are not accepted`() throws {
        let id = try ask(0)
        _ = try ask(1)
        try receive(id, .health(notReady: nil))
        try receive(0, .goAway(isLast: true))
        #expect(seen.answers[0] == .success(.health(notReady: nil)))
        #expect(seen.answers[1] == .failure(.notConnected))
        #expect(ClientError.notConnected.acceptance == .notAccepted)
        #expect(!channel.isActive)
    }

    @Test func `a request that a stopping daemon refuses counts as not read`() throws {
        let ids = [try ask(0), try ask(1)]
        try receive(0, .goAway(isLast: false))
        try receive(ids[0], .failure(.unavailable("the daemon is shutting down")))
        #expect(seen.answers[0] == .failure(.notConnected))
        let unknown = Failure.unavailable("the daemon is shutting down", acceptance: .unknown)
        try receive(ids[1], .failure(unknown))
        #expect(seen.answers[1] == .failure(.refused(unknown)))
    }

    @Test func `a break after the notice leaves requests unknown`() throws {
        _ = try ask(0)
        try receive(0, .goAway(isLast: false))
        try channel.close().wait()
        #expect(seen.answers[0] == .failure(.connectionLost(reason: "closed by the daemon")))
    }

    @Test func `a cancelled request no longer counts as in flight`() throws {
        let id = try ask(0)
        handler.cancel(id)
        #expect(seen.answers[0] == .failure(.cancelled(wasSent: true)))
        #expect(handler.inFlight == 0)
        try receive(id, .health(notReady: nil))
        #expect(seen.answers[0] == .failure(.cancelled(wasSent: true)))
        try receive(try ask(1), .health(notReady: "later"))
        #expect(seen.answers[1] == .success(.health(notReady: "later")))
    }
}
