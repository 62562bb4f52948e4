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

    /// The next bytes; nil if the connection was closed.
    func receive(_ count: Int) throws -> String? {
        try caller.read(count).map { String(decoding: $0, as: UTF8.self) }
    }

    func ping() throws {
        try say("PING")
        #expect(try receive(7) == "+PONG\r\n")
    }

    func keys() async throws -> String { try await redis.cli("DBSIZE") }
}

@Suite(.timeLimit(.minutes(10))) struct ChaosProxyTests {
    @Test(arguments: [NetworkCondition.Kind.split, .slow])
    func `bytes pass in order, in pieces or late`(kind: NetworkCondition.Kind) async throws {
        let line = try await Line()
        line.proxy.condition = NetworkCondition(kind: kind, delay: kind == .slow ? 20 : 0)
        let texts = (1...20).map { "text number \($0) of twenty" }
        for text in texts { try line.say("ECHO \"\(text)\"") }
        let responses = texts.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        #expect(try line.receive(responses.utf8.count) == responses)
        line.proxy.condition = .healthy
        try line.ping()
        await line.proxy.close()
    }

    @Test func `held bytes pass when the network is healthy again`() async throws {
        let line = try await Line()
        line.proxy.condition = NetworkCondition(kind: .held)
        try line.say("SET held 1")
        // A second connection is held as well.
        let other = try PlainSocket(port: line.port)
        try other.send(Array("PING\r\n".utf8))
        let keys = try await line.keys()
        #expect(keys == "0")
        line.proxy.condition = .healthy
        #expect(try line.receive(5) == "+OK\r\n")
        #expect(try await line.keys() == "1")
        await line.proxy.close()
    }

    @Test func `a silent network drops bytes, and the connection ends afterwards`() async throws {
        let line = try await Line()
        line.proxy.condition = NetworkCondition(kind: .silent)
        try line.say("SET silent 1")
        try await eventually("it is dropped") { line.proxy.hasDropped }
        line.proxy.condition = .healthy
        #expect(try line.receive(1) == nil)
        let keys = try await line.keys()
        #expect(keys == "0")
        await line.proxy.close()
    }

    @Test func `a one-way network passes requests and drops responses`() async throws {
        let line = try await Line()
        line.proxy.condition = NetworkCondition(kind: .oneWay)
        try line.say("SET deaf 1")
        try await eventually("the command ran") { try await line.keys() == "1" }
        try await eventually("its answer is dropped") { line.proxy.hasDropped }
        line.proxy.condition = .healthy
        #expect(try line.receive(1) == nil)
        await line.proxy.close()
    }

    @Test func `a half-open connection stays silent, and a new one works`() async throws {
        let line = try await Line()
        line.proxy.condition = NetworkCondition(kind: .halfOpen)
        line.proxy.condition = .healthy
        try line.say("SET orphan 1")
        try await eventually("it is dropped") { line.proxy.hasDropped }
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
