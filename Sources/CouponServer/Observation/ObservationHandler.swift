/// HTTP for metrics, probes and the status page: GET and HEAD, one request on each connection, which is
/// closed after some seconds in any case.
internal import CouponAccess
internal import CouponCore
internal import NIOCore
internal import NIOHTTP1

final class ObservationHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The response for a path.
    struct Page: Sendable {
        enum ContentType: String {
            case metrics = "text/plain; version=0.0.4; charset=utf-8"
            case html = "text/html; charset=utf-8"
            case json = "application/json"
        }

        var status: HTTPResponseStatus
        var body: String
        var type = ContentType.metrics
    }

    /// What is known of the client that asks.
    struct Asker: Sendable {
        /// The header `Authorization`, if there is one.
        var authorization: String?
        /// The headers `Host`: the names under which the client knows the daemon.
        var hosts: [String] = []
        /// An IP address.
        var address: String?
    }

    /// Why a request is refused, and what its first line was, as far as it came.
    typealias Refused = @Sendable (_ reason: String, _ request: String, _ address: String?) -> Void

    private let refusal: @Sendable (String, Asker) -> Page?
    private let refused: Refused
    private let page: @Sendable (String, Asker) -> EventLoopFuture<Page>
    /// How far the request is.
    private enum Stage {
        /// The head of the request is nil until it has come.
        case reading(HTTPRequestHead?)
        case making(HTTPRequestHead)
        case answered
        /// It was too long, and its client has been told.
        case tooLong
    }

    private var stage = Stage.reading(nil)
    private var timeout: Scheduled<Void>?

    /// - Parameters:
    ///   - refusal: the answer to a client that may not see a page; nil if it may.
    ///   - refused: called for each request with a wrong method, and for each that takes too long.
    ///   - page: makes the page at a path.
    init(
        refusal: @escaping @Sendable (String, Asker) -> Page?, refused: @escaping Refused,
        page: @escaping @Sendable (String, Asker) -> EventLoopFuture<Page>
    ) {
        self.refusal = refusal
        self.refused = refused
        self.page = page
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // The timeout also ends a client that sends its request byte by byte.
        timeout = context.eventLoop.assumeIsolated().scheduleTask(
            in: .seconds(Limits.observationSeconds)
        ) { self.timeIsUp(context) }
    }

    private func timeIsUp(_ context: ChannelHandlerContext) {
        let address = context.remoteAddress?.ipAddress
        switch stage {
        case .reading(let head):
            refused("it was too slow", head.map(Self.line) ?? "", address)
            context.close(promise: nil)
        case .making(let request):
            refused("the daemon was too slow", Self.line(request), address)
            let body = "the daemon was too slow\n"
            write(Page(status: .serviceUnavailable, body: body), request, context)
        case .answered:
            refused("its answer was not read", "", address)
            context.close(promise: nil)
        case .tooLong:
            context.close(promise: nil)
        }
    }

    /// No more is read.
    /// - Returns: whether the request is too long; false if it has come as a whole.
    func endLong(_ address: String?) -> Bool {
        guard case .reading = stage else { return false }
        stage = .tooLong
        refused("it was too long", "", address)
        return true
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Nothing more comes, so there will be no request: a check that only connects ends like this.
        if let event = event as? ChannelEvent, event == .inputClosed {
            switch stage {
            case .reading, .tooLong: context.close(promise: nil)
            case .making, .answered: break
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    private static func line(_ request: HTTPRequestHead) -> String {
        "\(request.method.rawValue) \(request.uri.prefix(64))"
    }

    func handlerRemoved(context: ChannelHandlerContext) { timeout?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if case .reading = stage { stage = .reading(head) }
        case .body:
            break
        case .end:
            guard case .reading(let head?) = stage else { return }
            stage = .making(head)
            answer(head, context)
        }
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let address = context.remoteAddress?.ipAddress
        guard request.method == .GET || request.method == .HEAD else {
            refused("GET and HEAD only", Self.line(request), address)
            write(Page(status: .methodNotAllowed, body: "GET and HEAD only\n"), request, context)
            return
        }
        let path = Self.path(of: request.uri)
        let authorization = request.headers["authorization"]
        let asker = Asker(
            authorization: authorization.count == 1 ? authorization[0] : nil,
            hosts: request.headers["host"], address: address)
        if let refusal = refusal(path, asker) { return write(refusal, request, context) }
        page(path, asker).hop(to: context.eventLoop).assumeIsolated().whenComplete {
            result in
            let page = (try? result.get()) ?? Page(status: .serviceUnavailable, body: "closing\n")
            self.write(page, request, context)
        }
    }

    /// Without the query, except for `/readyz?verbose`, and without the host if a proxy sent the absolute
    /// form.
    static func path(of target: String) -> String {
        var path = target.prefix { $0 != "?" && $0 != "#" }
        if let scheme = path.firstRange(of: "://"), !path.hasPrefix("/") {
            path = path[scheme.upperBound...].drop { $0 != "/" }
            if path.isEmpty { path = "/" }
        }
        let query = target.drop { $0 != "?" }.dropFirst().prefix { $0 != "#" }
        let isVerbose = query.split(separator: "&").contains {
            $0 == "verbose" || $0.hasPrefix("verbose=")
        }
        return path == "/readyz" && isVerbose ? "/readyz?verbose" : String(path)
    }

    private func write(
        _ page: Page, _ request: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        guard case .making = stage else { return }
        stage = .answered
        var head = HTTPResponseHead(version: request.version, status: page.status)
        head.headers.add(name: "content-type", value: page.type.rawValue)
        head.headers.add(name: "cache-control", value: "no-store")
        head.headers.add(name: "x-content-type-options", value: "nosniff")
        if page.type == .html {
            // The page loads nothing, is in no frame of another page, and asks only this daemon.
            head.headers.add(
                name: "content-security-policy",
                value: "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                    + "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                    + "frame-ancestors 'none'")
            head.headers.add(name: "referrer-policy", value: "no-referrer")
        }
        head.headers.add(name: "content-length", value: "\(page.body.utf8.count)")
        head.headers.add(name: "connection", value: "close")
        if page.status == .methodNotAllowed { head.headers.add(name: "allow", value: "GET, HEAD") }
        if page.status == .unauthorized {
            head.headers.add(name: "www-authenticate", value: "Bearer")
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension ObservationHandler.Asker {
    /// Whether it calls the daemon by an address or `localhost`. A browser may be led to loopback by a name
    /// that belongs to somebody else (DNS rebinding), and then lets the pages of that name read the answer.
    var callsByAddress: Bool {
        hosts.allSatisfy { host in
            let name =
                host.hasPrefix("[")
                ? host.dropFirst().prefix { $0 != "]" } : host.prefix { $0 != ":" }
            return name.isEmpty || name.lowercased() == "localhost"
                || IPAddress(String(name)) != nil
        }
    }
}

extension ObservationHandler.Page {
    /// A page for probes: 200 or 503.
    init(isOK: Bool, _ body: String) {
        self.init(status: isOK ? .ok : .serviceUnavailable, body: body)
    }
}
