/// What is done once for all requests of a turn.
import CouponCore
import CouponWire
import NIOCore
import Testing

@testable import CouponServer

@Suite struct TurnTests {
    @Test func `a turn ends once, however much was read in it`() {
        var turn = Turn()
        let ends = [turn.beginEnd(), turn.beginEnd()]
        #expect(ends == [true, false])
        _ = turn.end()
        let endsAgain = turn.beginEnd()
        #expect(endsAgain, "what came after the end has an end of its own")
    }

    @Test func `the worker is pumped once if it has requests`() {
        var turn = Turn()
        let before = turn.end()
        turn.schedulePump()
        turn.schedulePump()
        let after = [turn.end(), turn.end()]
        #expect(!before)
        #expect(after == [true, false])
    }

    @Test func `one connection may use a whole turn, and then each gets a little`() {
        var turn = Turn()
        #expect(turn.share == Limits.turnCost)
        turn.spend(Limits.turnCost - 1)
        #expect(turn.share == Limits.leastTurnShare)
        turn.spend(Limits.turnCost)
        #expect(turn.share == Limits.leastTurnShare)
        _ = turn.end()
        #expect(turn.share == Limits.turnCost, "the next turn begins")
    }

    @Test func `answers to each connection leave less for the requests of their turn`() throws {
        let stage = LoopStage()
        try stage.connect(3)
        var turn = Turn()
        for (_, connection) in stage.connections { turn.add(connection) }
        #expect(turn.share == Limits.turnCost - 3 * Limits.writeCost)
    }

    @Test func `openings of connections leave less for the requests of their turn`() {
        var turn = Turn()
        for _ in 1...16 { turn.spendOpening() }
        #expect(turn.share == Limits.turnCost - 16 * Limits.openingCost)
        for _ in 1...100 { turn.spendOpening() }
        #expect(turn.share == Limits.leastTurnShare)
    }

    @Test func `an answer that does not fit in a frame is an error, and the daemon knows it`()
        throws
    {
        var codec = Codec()
        var buffer = ByteBuffer()
        let window = Window(opens: Timestamp(microseconds: 0))
        func answer(_ title: String) -> Response {
            Response(
                id: 7, result: .coupon(Coupon(id: 1, title: title, total: 1, window: window)))
        }
        let short = codec.encode(answer("t"), into: &buffer)
        let shortBytes = buffer.readableBytes
        let long = codec.encode(
            answer(String(repeating: "a", count: Limits.frameBytes)), into: &buffer)
        #expect(short && !long)
        #expect((1..<200).contains(buffer.readableBytes - shortBytes))
        let again = codec.encode(answer("t"), into: &buffer)
        #expect(again)
    }

    @Test
    func `a turn goes on with the requests of some connections, and the others keep their order`()
        throws
    {
        let stage = LoopStage()
        try stage.connect(150)
        let connections = stage.connections.map { $0.connection }
        var turn = Turn()
        for connection in connections { turn.postpone(connection, hadTurn: true) }
        var parts: [[ServerConnection]] = []
        while turn.hasDeferred { parts.append(turn.dequeueDeferred()) }
        #expect(parts.map(\.count) == [64, 64, 22])
        #expect(parts.joined().elementsEqual(connections, by: ===))
    }

    @Test
    func `a long frame waits for a turn that has time, and one of those that wait is handled`() {
        var turn = Turn()
        let first = turn.mayHandleLongFrame(spentBefore: Limits.turnCost - 1)
        let second = turn.mayHandleLongFrame(spentBefore: Limits.turnCost)
        #expect(first && !second)
        turn.spend(Limits.turnCost)
        let third = turn.mayHandleLongFrame(spentBefore: 0)
        #expect(!third, "however many connections there are")
        _ = turn.end()
        _ = turn.dequeueDeferred()
        turn.spend(Limits.turnCost)
        let none = turn.mayHandleLongFrame(spentBefore: 0)
        #expect(!none, "nobody has waited")
    }
}
