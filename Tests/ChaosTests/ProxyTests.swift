import TestSupport
import Testing

@testable import chaos

/// A Redis behind a proxy, and one caller.
private struct Line {
    let redis: RedisServer
    let proxy = Proxy()
    let port: Int
    let caller: PlainSocket

    init() async throws {
        redis = try await RedisServer()
        proxy.target = .path(redis.socket)
        port = try await proxy.listen(at: .port(0))
        caller = try PlainSocket(port: port)
        try ping()
    }

    func say(_ command: String) throws { try caller.send(Array((command + "\r\n").utf8)) }

    /// What comes next; nil where the connection was closed.
    func receive(_ count: Int) throws -> String? {
        try caller.read(count).map { String(decoding: $0, as: UTF8.self) }
    }

    func ping() throws {
        try say("PING")
        #expect(try receive(7) == "+PONG\r\n")
    }

    func keys() async throws -> String { try await redis.cli("DBSIZE") }
}

@Suite(.timeLimit(.minutes(1))) struct ProxyTests {
    @Test(arguments: [Weather.Kind.split, .slow])
    func `everything passes, in pieces or late, and in order`(kind: Weather.Kind) async throws {
        let line = try await Line()
        line.proxy.weather = Weather(kind: kind, delay: kind == .slow ? 20 : 0)
        let texts = (1...20).map { "text number \($0) of twenty" }
        for text in texts { try line.say("ECHO \"\(text)\"") }
        let answers = texts.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        #expect(try line.receive(answers.utf8.count) == answers)
        line.proxy.weather = .clear
        try line.ping()
        await line.proxy.close()
    }

    @Test func `what is held passes when the weather clears`() async throws {
        let line = try await Line()
        line.proxy.weather = Weather(kind: .held)
        try line.say("SET held 1")
        // Another connection is held as well, and shows that time has passed.
        let other = try PlainSocket(port: line.port)
        try other.send(Array("PING\r\n".utf8))
        let keys = try await line.keys()
        #expect(keys == "0")
        line.proxy.weather = .clear
        #expect(try line.receive(5) == "+OK\r\n")
        #expect(try await line.keys() == "1")
        await line.proxy.close()
    }

    @Test func `in silence nothing passes, and afterwards the connection is gone`() async throws {
        let line = try await Line()
        line.proxy.weather = Weather(kind: .silent)
        try line.say("SET silent 1")
        try await eventually("it is swallowed") { line.proxy.hasSwallowed }
        line.proxy.weather = .clear
        #expect(try line.receive(1) == nil)
        let keys = try await line.keys()
        #expect(keys == "0")
        await line.proxy.close()
    }

    @Test func `the deaf are heard, but hear nothing`() async throws {
        let line = try await Line()
        line.proxy.weather = Weather(kind: .deaf)
        try line.say("SET deaf 1")
        try await eventually("it is done") { try await line.keys() == "1" }
        try await eventually("its answer is swallowed") { line.proxy.hasSwallowed }
        line.proxy.weather = .clear
        #expect(try line.receive(1) == nil)
        await line.proxy.close()
    }

    @Test func `an orphan is never told, a newcomer is served`() async throws {
        let line = try await Line()
        line.proxy.weather = Weather(kind: .orphaned)
        line.proxy.weather = .clear
        try line.say("SET orphan 1")
        try await eventually("it is swallowed") { line.proxy.hasSwallowed }
        let other = try PlainSocket(port: line.port)
        try other.send(Array("PING\r\n".utf8))
        #expect(try other.read(7).map { String(decoding: $0, as: UTF8.self) } == "+PONG\r\n")
        let keys = try await line.keys()
        #expect(keys == "0")
        await line.proxy.close()
    }

    @Test func `a cut ends connections, not the proxy`() async throws {
        let line = try await Line()
        line.proxy.cut()
        #expect(try line.receive(1) == nil)
        let other = try PlainSocket(port: line.port)
        try other.send(Array("PING\r\n".utf8))
        #expect(try other.read(7).map { String(decoding: $0, as: UTF8.self) } == "+PONG\r\n")
        await line.proxy.close()
    }
}
