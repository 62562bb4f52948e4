/// What HTTP does with a request that has no answer in time, and with one that never comes.
import CouponCore
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import CouponServer

@Suite struct ObservationHandlerTests {
    private final class Refusals: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ reason: String, _ request: String) {
            lines.withLock { $0.append("\(request): \(reason)") }
        }
    }

    private let loop = EmbeddedEventLoop()
    private let page: EventLoopPromise<ObservationHandler.Page>
    private let handler: ObservationHandler
    private let channel: EmbeddedChannel
    private let refusals = Refusals()

    init() throws {
        let page = loop.makePromise(of: ObservationHandler.Page.self)
        self.page = page
        handler = ObservationHandler(
            refusal: { _, _ in nil },
            refused: { [refusals] reason, request, _ in refusals.add(reason, request) },
            page: { _, _ in page.futureResult })
        channel = EmbeddedChannel(handler: handler, loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func ask() throws {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/metrics")
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
    }

    private func status() throws -> HTTPResponseStatus? {
        guard case .head(let head)? = try channel.readOutbound(as: HTTPServerResponsePart.self)
        else { return nil }
        return head.status
    }

    @Test func `a page that the daemon does not make in time is not the client's fault`() throws {
        try ask()
        loop.advanceTime(by: .seconds(10))
        #expect(refusals.all == ["GET /metrics: the daemon was too slow"])
        #expect(try status() == .serviceUnavailable)
        page.succeed(.init(status: .ok, body: "late"))
        loop.run()
        _ = try channel.readOutbound(as: HTTPServerResponsePart.self)
        _ = try channel.readOutbound(as: HTTPServerResponsePart.self)
        #expect(try channel.readOutbound(as: HTTPServerResponsePart.self) == nil)
        #expect(!channel.isActive)
    }

    @Test func `a request that does not come in time is its client's fault`() throws {
        loop.advanceTime(by: .seconds(10))
        #expect(refusals.all == [": it was too slow"])
        #expect(!channel.isActive)
        page.fail(ChannelError.eof)
    }

    @Test(arguments: [
        ([], true), (["localhost"], true), (["LOCALHOST:7071"], true), (["127.0.0.1:7071"], true),
        (["[::1]:7071"], true), (["::1"], true), ([""], true), (["evil.example"], false),
        (["evil.example:7071"], false), (["127.0.0.1", "evil.example"], false),
        (["127.0.0.1.evil.example"], false), (["localhost.evil.example:7071"], false),
    ])
    func `a name of somebody else is told from an address`(hosts: [String], isAddress: Bool) {
        page.fail(ChannelError.eof)
        #expect(ObservationHandler.Asker(hosts: hosts).callsByAddress == isAddress)
    }

    @Test func `a client that only connects and closes is not waited for`() throws {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!channel.isActive)
        loop.advanceTime(by: .seconds(10))
        #expect(refusals.all == [])
        page.fail(ChannelError.eof)
    }

    /// More bytes than a request may have.
    private func sendTooMuch() throws {
        let sizes = RequestSizeHandler(handler)
        try channel.pipeline.syncOperations.addHandler(sizes, position: .first)
        for _ in 1...2 {
            try channel.writeInbound(
                ByteBuffer(repeating: UInt8(ascii: "a"), count: Limits.observationBytes + 1))
        }
    }

    @Test func `a request that is too long is refused once, even if its client stays`() throws {
        try sendTooMuch()
        let answer = try channel.readOutbound(as: ByteBuffer.self)
        #expect(answer.map { String(buffer: $0) }?.hasPrefix("HTTP/1.1 431 ") == true)
        loop.advanceTime(by: .seconds(10))
        #expect(refusals.all == [": it was too long"])
        #expect(!channel.isActive)
        page.fail(ChannelError.eof)
    }

    @Test func `what comes after a request does not take its page from it`() throws {
        try ask()
        try sendTooMuch()
        page.succeed(.init(status: .ok, body: "here"))
        loop.run()
        #expect(refusals.all == [])
        #expect(!channel.isActive, "it is answered")
    }

    @Test func `a client that closes its sending side after its request gets its answer`() throws {
        try ask()
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(channel.isActive)
        page.succeed(.init(status: .ok, body: "here"))
        loop.run()
        #expect(try status() == .ok)
        #expect(refusals.all == [])
    }
}
