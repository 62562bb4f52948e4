import TestWorld
import CouponCore
import CouponWire
import NIOCore
import NIOEmbedded
import Testing

@testable import CouponClient

@Suite struct ClientConnectionTests {
    private typealias Answer = Result<Response.Result, ClientError>

    /// What the callbacks got, by the number of the request.
    private final class Answers {
        var byNumber: [Int: [Answer]] = [:]
    }

    private let channel: EmbeddedChannel
    private let handler: ConnectionHandler
    private let answers = Answers()

    init() throws {
        var configuration = ClientConfiguration()
        configuration.maximumInFlight = 8
        configuration.answerGrace = .milliseconds(100)
        configuration.deadline = .milliseconds(2_500)
        configuration.token = [1, 2, 3]
        handler = ConnectionHandler(configuration)
        channel = EmbeddedChannel(handler: handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func ask(
        _ number: Int, _ method: Request.Method = .health, deadline: TimeAmount? = nil
    ) throws {
        _ = try handler.send(method, deadline: deadline) {
            answers.byNumber[number, default: []].append($0)
        }
    }

    /// What left the client: one write for each turn of the loop.
    private func sent() throws -> [Request] {
        channel.embeddedEventLoop.run()
        guard let bytes = try channel.readOutbound(as: ByteBuffer.self) else { return [] }
        return try DaemonWire.requests(in: bytes)
    }

    @Test func `requests of one turn leave in one write`() throws {
        for number in 0..<5 { try ask(number) }
        #expect(try sent().count == 5)
        #expect(try sent().isEmpty)
    }

    @Test func `answers in any order and any pieces reach their requests`() throws {
        let outcomes: [Outcome] = (0..<5).map { .accepted(sequence: Int64($0)) }
        for number in 0..<5 { try ask(number) }
        var bytes = ByteBuffer()
        for (outcome, request) in zip(outcomes, try sent()).reversed() {
            var frame = DaemonWire.frame(Response(id: request.id, result: .issue(outcome)))
            bytes.writeBuffer(&frame)
        }
        while let byte = bytes.readSlice(length: 1) { try channel.writeInbound(byte) }
        for number in 0..<5 {
            #expect(answers.byNumber[number] == [.success(.issue(outcomes[number]))])
        }
        #expect(handler.inFlight == 0)
    }

    @Test func `an error answer is an error`() throws {
        try ask(0)
        let failure = Failure(.unavailable, "away", retryAfterMilliseconds: 5)
        let id = try #require(try sent().first).id
        try channel.writeInbound(DaemonWire.frame(Response(id: id, result: .failure(failure))))
        #expect(answers.byNumber[0] == [.failure(.refused(failure))])
    }

    /// An open connection can become one too many after a reload: then the daemon does not say "not
    /// accepted".
    @Test(arguments: [Acceptance.notAccepted, .unknown])
    func `a connection that is refused ends all its requests as refused`(
        acceptance: Acceptance
    ) throws {
        for number in 0..<2 { try ask(number) }
        _ = try sent()
        let failure = Failure.exhausted("too many connections").with(acceptance: acceptance)
        try channel.writeInbound(DaemonWire.frame(Response(id: 0, result: .failure(failure))))
        #expect(
            answers.byNumber == [
                0: [.failure(.refused(failure))], 1: [.failure(.refused(failure))],
            ])
        #expect(!handler.isOpen)
    }

    @Test func `an error about an unreadable frame leaves all requests unknown`() throws {
        for number in 0..<2 { try ask(number) }
        let first = try #require(try sent().first)
        try channel.writeInbound(
            DaemonWire.frame(Response(id: first.id, result: .health(notReady: nil))))
        // After an answer, "too many" can no longer refuse the connection itself.
        let failure = Failure.exhausted("too many connections")
        try channel.writeInbound(DaemonWire.frame(Response(id: 0, result: .failure(failure))))
        #expect(answers.byNumber[1] == [.failure(.connectionLost(reason: failure.message))])
    }

    @Test func `a broken connection makes all its requests unknown`() throws {
        for number in 0..<3 { try ask(number) }
        _ = try sent()
        try channel.close().wait()
        for number in 0..<3 {
            let answer = try #require(answers.byNumber[number]?.first)
            #expect(throws: ClientError.connectionLost(reason: "closed by the daemon")) {
                try answer.get()
            }
        }
        #expect(ClientError.connectionLost(reason: "").acceptance == .unknown)
        #expect(throws: ClientError.notConnected) { try ask(4) }
        #expect(answers.byNumber[4] == nil)
    }

    @Test func `a deadline ends a request and its late answer is dropped`() throws {
        try ask(0, deadline: .milliseconds(50))
        try ask(1, deadline: .milliseconds(5000))
        let ids = try sent().map(\.id)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(140))
        #expect(answers.byNumber.isEmpty)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(40))
        #expect(answers.byNumber == [0: [.failure(.deadlineExceeded)]])
        // Its slot is used again before the late answer comes.
        try ask(2)
        let late = Response(id: ids[0], result: .health(notReady: nil))
        try channel.writeInbound(DaemonWire.frame(late))
        #expect(answers.byNumber[2] == nil)
        try channel.writeInbound(
            DaemonWire.frame(Response(id: ids[1], result: .health(notReady: nil))))
        #expect(answers.byNumber[1] == [.success(.health(notReady: nil))])
    }

    @Test func `a silent connection is given up`() throws {
        try ask(0, deadline: .milliseconds(50))
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(answers.byNumber[0] == [.failure(.deadlineExceeded)])
        #expect(handler.isOpen, "a daemon may stand still for a while")
        try ask(1, deadline: .milliseconds(60_000))
        try ask(2, deadline: .milliseconds(3_500))
        channel.embeddedEventLoop.advanceTime(by: .seconds(4))
        #expect(answers.byNumber[2] == [.failure(.deadlineExceeded)])
        let lost = ClientError.connectionLost(reason: "the daemon has gone silent")
        #expect(answers.byNumber[1] == [.failure(lost)])
        #expect(!handler.isOpen)
    }

    @Test func `a connection with traffic stays open`() throws {
        for number in 0..<8 {
            try ask(number, deadline: .milliseconds(900))
            let id = try #require(try sent().first).id
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(900))
            guard number < 7 else { continue }
            try channel.writeInbound(
                DaemonWire.frame(Response(id: id, result: .health(notReady: nil))))
        }
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(200))
        #expect(answers.byNumber[7] == [.failure(.deadlineExceeded)])
        #expect(handler.isOpen)
    }

    @Test func `deadlines travel and are never zero`() throws {
        try ask(0)
        try ask(1, deadline: .microseconds(10))
        try ask(2, deadline: .seconds(3))
        #expect(try sent().map(\.deadlineMilliseconds) == [2500, 1, 3000])
    }

    @Test func `requests in flight are bounded`() throws {
        for number in 0..<8 { try ask(number) }
        #expect(throws: ClientError.tooManyInFlight) { try ask(8) }
        let id = try #require(try sent().first).id
        try channel.writeInbound(
            DaemonWire.frame(Response(id: id, result: .health(notReady: nil))))
        try ask(8)
    }

    @Test func `the token travels with admin methods only`() throws {
        try ask(0)
        try ask(1, .getCoupon(CouponID(1)))
        #expect(try sent().map(\.token) == [[], [1, 2, 3]])
    }

    @Test func `a frame beyond the limit ends the connection`() throws {
        try ask(0)
        _ = try sent()
        try channel.writeInbound(ByteBuffer(bytes: [0x00, 0x01, 0x00, 0x01]))
        guard case .failure(.wrongAnswer) = answers.byNumber[0]?.first else {
            Testing.Issue.record("not ended: \(answers.byNumber)")
            return
        }
        #expect(!handler.isOpen)
    }

    @Test func `an answer with an unknown value fails its own request only`() throws {
        try ask(0)
        try ask(1)
        let ids = try sent().map(\.id)
        // id, and a result of field 99.
        var message = ByteBuffer(bytes: [0x08])
        var rest = ids[0]
        while rest >= 0x80 {
            message.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        message.writeBytes([UInt8(rest), 0x9A, 0x06, 0x00])
        var frame = ByteBuffer(integer: UInt32(message.readableBytes))
        frame.writeBuffer(&message)
        try channel.writeInbound(frame)
        guard case .failure(.wrongAnswer) = answers.byNumber[0]?.first else {
            Testing.Issue.record("not ended: \(answers.byNumber)")
            return
        }
        #expect(handler.isOpen)
        try channel.writeInbound(
            DaemonWire.frame(Response(id: ids[1], result: .health(notReady: nil))))
        #expect(answers.byNumber[1] == [.success(.health(notReady: nil))])
    }

    @Test func `an error without a request id ends the connection`() throws {
        try ask(0)
        _ = try sent()
        let complaint = Response(id: 0, result: .failure(Failure(.invalidArgument, "frame: bad")))
        try channel.writeInbound(DaemonWire.frame(complaint))
        #expect(answers.byNumber[0] == [.failure(.connectionLost(reason: "frame: bad"))])
    }

    @Test func `a callback can send another request`() throws {
        _ = try handler.send(.health, deadline: nil) { _ in try? self.ask(1) }
        let id = try #require(try sent().first).id
        try channel.writeInbound(
            DaemonWire.frame(Response(id: id, result: .health(notReady: nil))))
        #expect(try sent().count == 1)
    }
}
