/// One GET over HTTP. The daemon closes the connection after its answer, so the answer ends where it closes.
internal import CouponClient
internal import CouponCore
internal import NIOCore
internal import NIOPosix

enum StatusFetch {
    /// Why there is no answer.
    struct Failed: Error {
        let reason: String
    }

    private static let limit = 16 << 20

    /// The body of an answer with status 200.
    /// - Parameter token: of a reader in the daemon's callers file; empty for none.
    static func body(
        of path: String, at address: ServerAddress, token: [UInt8]
    ) async throws(Failed) -> [UInt8] {
        let bytes: ByteBuffer
        do {
            bytes = try await answer(path, address, token)
        } catch {
            throw Failed(reason: "\(address): \(error)")
        }
        let text = bytes.readableBytesView
        let head = String(decoding: text.prefix(12), as: UTF8.self)
        let blank = Array("\r\n\r\n".utf8)
        guard head.hasPrefix("HTTP/1."), let end = text.firstRange(of: blank) else {
            throw Failed(reason: "\(address) does not answer over HTTP: is it metrics-listen?")
        }
        let body = Array(text[end.upperBound...])
        guard head.hasSuffix(" 200") else {
            let reason = String(decoding: body.prefix(500), as: UTF8.self).safeForTerminal
            throw Failed(reason: "\(address) answers \(head.suffix(3)): \(reason)")
        }
        return body
    }

    private static func answer(
        _ path: String, _ address: ServerAddress, _ token: [UInt8]
    ) async throws -> ByteBuffer {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: ByteBuffer.self)
        let bootstrap = ClientBootstrap(group: group).connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Gather(promise, limit: limit))
                }
            }
        let channel: any Channel
        do {
            channel = try await connect(bootstrap, address)
        } catch {
            promise.fail(error)
            throw error
        }
        let timeout = channel.eventLoop.scheduleTask(in: .seconds(10)) {
            channel.close(promise: nil)
        }
        let proof =
            token.isEmpty
            ? "" : "authorization: Bearer \(String(decoding: token, as: UTF8.self))\r\n"
        // A name of its own would be a foreign one to a daemon on loopback, which then hides coupons.
        let request =
            "GET \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\(proof)\r\n"
        channel.writeAndFlush(ByteBuffer(string: request), promise: nil)
        defer { timeout.cancel() }
        return try await promise.futureResult.get()
    }

    private static func connect(
        _ bootstrap: ClientBootstrap, _ address: ServerAddress
    ) async throws -> any Channel {
        guard let path = address.socketPath else {
            return try await bootstrap.connect(host: address.host, port: address.port).get()
        }
        return try await bootstrap.connect(unixDomainSocketPath: path).get()
    }
}

/// Gathers what comes until the connection ends.
private final class Gather: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<ByteBuffer>
    private let limit: Int
    private var bytes = ByteBuffer()

    init(_ promise: EventLoopPromise<ByteBuffer>, limit: Int) {
        self.promise = promise
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        bytes.writeBuffer(&part)
        if bytes.readableBytes > limit { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { promise.succeed(bytes) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
