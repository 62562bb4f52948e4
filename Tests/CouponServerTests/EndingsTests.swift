/// A thousand connections that end at once end in many turns, so no other request waits long for them.
import CouponCore
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import CouponServer

@Suite struct EndingsTests {
    /// Half of a frame.
    private static let half: [UInt8] = [0, 0, 0, 40] + [UInt8](repeating: 8, count: 20)
    private static let count = 1_000

    private let stage: LoopStage

    init() throws {
        stage = LoopStage()
        try stage.connect(Self.count)
    }

    /// Lets the time come at which all are due to end.
    private func advance(seconds: Int) {
        for _ in 1...seconds { stage.loop.advanceTime(by: .seconds(1)) }
    }

    private func expectEnds(_ what: Comment) {
        let first = Self.count - stage.open
        let ends = stage.turns { stage.open }
        #expect(first <= 16, what)
        #expect(ends.allSatisfy { $0 <= 16 }, what)
        #expect(stage.open == 0, what)
    }

    @Test func `a thousand half frames that are due in the same second end a few in each turn`()
        throws
    {
        try stage.receive(Self.half)
        advance(seconds: Limits.frameSeconds)
        #expect(stage.open == Self.count)
        advance(seconds: 1)
        expectEnds("half frames")
        for (channel, _) in stage.connections {
            let told = try channel.readOutbound(as: ByteBuffer.self)
            #expect(told?.readableBytes ?? 0 > 0, "each is told why")
        }
    }

    @Test func `connections that say nothing end a few in each turn`() throws {
        stage.loopServer.use(
            ReloadedSettings(
                limits: {
                    var limits = CallerLimits()
                    limits.idleSeconds = 2
                    return limits
                }(), reporting: RequestReporting(), report: ReloadReport()))
        advance(seconds: 3)
        expectEnds("idle connections")
        #expect(
            stage.loopServer.limitCounts.metrics.text.contains(
                #"coupond_limited_total{reason="first_frame"} 1000"#), "each is counted once")
    }

    @Test func `connections that an admin ends do nothing more, and end a few in each turn`() {
        for (_, connection) in stage.connections {
            connection.endAtOnce(with: .unavailable("an admin has ended this connection"))
        }
        #expect(stage.connections.allSatisfy { $0.connection.state.isEnding })
        stage.loop.run()
        expectEnds("connections that an admin ends")
    }

    @Test func `connections that hold too many bytes end a few in each turn`() throws {
        try stage.receive(Self.half)
        stage.loopServer.buffers.limit = 0
        stage.loopServer.buffers.add(1)
        stage.loopServer.endTurn()
        stage.loop.run()
        expectEnds("connections that hold bytes")
    }

    @Test func `clients are asked to leave a few in each turn`() throws {
        for (_, connection) in stage.connections { connection.acceptsGoAway = true }
        stage.loopServer.goAway()
        stage.loop.run()
        var asked = 0
        let turns = try stage.turns {
            for (channel, _) in stage.connections {
                if try channel.readOutbound(as: ByteBuffer.self) != nil { asked += 1 }
            }
            return asked
        }
        #expect(asked == Self.count)
        #expect(turns.allSatisfy { $0 <= 16 })
        #expect(stage.open == Self.count)
    }

    @Test func `a connection whose caller is gone when its turn comes ends once`() throws {
        try stage.receive(Self.half)
        advance(seconds: Limits.frameSeconds + 1)
        for (channel, _) in stage.connections where channel.isActive {
            channel.close(promise: nil)
        }
        stage.loop.run()
        #expect(stage.turns { stage.loopServer.connections.all.count }.isEmpty)
        #expect(stage.loopServer.connections.all.isEmpty)
        #expect(stage.loopServer.loopServers.connections.load(ordering: .relaxed) == 0)
    }
}
