/// Connections over TLS, those of event loops and those of hiredis: they carry the same, and say what is
/// wrong with certificates.
import CouponCore
import Foundation
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import CouponRedis

@Suite struct RedisChannelTLSTests {
    private let certificates: BackendCertificates

    init() async throws { certificates = try await BackendCertificates() }

    private func fixture() async throws -> RedisFixture {
        try await RedisFixture(certificates: certificates)
    }

    @Test func `gate calls, scripts and events pass through TLS`() async throws {
        let fixture = try await fixture()
        try fixture.open(coupon())
        let events = RedisEventSource(
            options: fixture.control.options, logger: Logger(label: "test"))
        try await eventually("the subscription") { events.next() == .up }
        let way = try await Way(fixture.control.options)
        #expect(try await way.ready() == fixture.control.identity())
        try await way.send([request(1)], [request(2)])
        #expect(try await way.answers(2).count == 2)
        #expect(try fixture.settle(from: .zero, to: at(2), [settled(coupon(issued: 2), 2)]))
        try await eventually("the event") {
            if case .event = events.next() { true } else { false }
        }
        try await way.close()
    }

    /// Longer than all buffers on the way, in both directions.
    @Test func `a large value passes whole`() async throws {
        let fixture = try await fixture()
        let bytes = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try fixture.put("coupond:large", bytes)
        #expect(try fixture.call(Command("GET", "coupond:large")).bytesValue == bytes)
    }

    @Test func `connections heal after a restart of Redis, and a closed one is noticed`()
        async throws
    {
        let fixture = try await fixture()
        let way = try await Way(fixture.control.options)
        let before = try await way.ready()
        #expect(try fixture.control.identity() == before)
        try await fixture.server.kill()
        #expect(throws: BackendError.self) { try fixture.control.identity() }
        try await fixture.server.restart()
        try await eventually("both reach the new process") {
            let now = try? fixture.control.identity()
            let reached = try await way.identity()
            return now != nil && now != before && reached == now
        }
        try await way.close()
    }

    @Test func `a Redis that stands still is given up after the usual time`() async throws {
        let fixture = try await fixture()
        let control = fixture.another { $0.commandTimeoutMilliseconds = 200 }
        _ = try control.identity()
        fixture.server.freeze()
        defer { fixture.server.thaw() }
        let error = #expect(throws: BackendError.self) { try control.identity() }
        #expect("\(error, default: "")".contains("did not answer within 200 ms"))
        let late = fixture.another { $0.connectTimeoutMilliseconds = 200 }
        let other = #expect(throws: BackendError.self) { try late.identity() }
        #expect("\(other, default: "")".contains("does not complete the TLS handshake"))
    }

    /// The name of Redis has two addresses, and it listens on the second one.
    @Test func `after an address that refuses the next one is used`() async throws {
        let fixture = try await fixture()
        let control = fixture.another {
            $0.resolver = Addresses(list: ["127.0.0.2", "127.0.0.1"])
            $0.commandTimeoutMilliseconds = 1_000
        }
        _ = try control.identity()
        let way = try await Way(control.options)
        #expect(try await way.ready() == control.identity())
        try await way.close()
    }

    @Test func `a Redis that answers no packet is not reachable`() async throws {
        let server = try await fullServer()
        var options = RedisOptions(
            address: .tcp(host: "127.0.0.1", port: server.localAddress?.port ?? 0))
        let tls = try RedisTLS(certificates)
        options.credentials = { RedisCredentials(tls: tls) }
        options.connectTimeoutMilliseconds = 200
        let control = RedisGateControl(options: options, logger: Logger(label: "test"))
        let error = #expect(throws: BackendError.self) { try control.identity() }
        #expect("\(error, default: "")".contains("Redis is not reachable"))
        try await server.close()
    }

    /// A server that accepts no connection, and whose queue of them is full.
    private func fullServer() async throws -> any Channel {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 0)
            .serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = server.localAddress?.port ?? 0
        for _ in 1...9 {
            let client = ClientBootstrap(group: group).connectTimeout(.milliseconds(300))
                .connect(host: "127.0.0.1", port: port)
            guard (try? await client.get()) != nil else { return server }
        }
        throw BackendError.redis(.unavailable("the queue does not get full"))
    }

    enum Fault: CaseIterable {
        case strangerSigned, otherName, expired, unknownClient
    }

    @Test(arguments: Fault.allCases)
    func `an error says in words what is wrong with a certificate`(_ fault: Fault) async throws {
        let fixture = try await fixture()
        var tls = try RedisTLS(certificates)
        let text: String
        switch fault {
        case .strangerSigned:
            tls = try RedisTLS(certificates, authority: certificates.stranger)
            text = "no authority of redis-tls-ca has signed the certificate of Redis"
        case .otherName:
            tls = try RedisTLS(certificates, serverName: "redis.example")
            text = "the certificate of Redis is made for another name"
        case .expired:
            try await fixture.server.present(certificates.expired)
            text = "the certificate of Redis has expired"
        case .unknownClient:
            tls = try RedisTLS(certificates, client: certificates.foreignClient)
            text = "Redis refuses the TLS connection: "
        }
        var options = fixture.control.options
        options.credentials = { [tls] in RedisCredentials(tls: tls) }
        let control = RedisGateControl(options: options, logger: Logger(label: "test"))
        let error = #expect(throws: BackendError.self) { try control.identity() }
        #expect("\(error, default: "")".contains(text), "\(String(describing: error))")
        let way = try await Way(options)
        try await eventually("the gate says so too") {
            try await way.trouble()?.contains(text) == true
        }
        try await way.close()
    }

    @Test func `files that cannot be used are named`() throws {
        func bytes(_ path: String) throws -> [UInt8] {
            Array(try Data(contentsOf: URL(filePath: path)))
        }
        let client = certificates.client
        let (certificate, key) = (try bytes(client.certificate), try bytes(client.key))
        func mistake(
            _ certificate: [UInt8], _ key: [UInt8], authority: [UInt8]? = nil
        ) -> RedisTLS.Mistake? {
            do throws(RedisTLS.Mistake) {
                _ = try RedisTLS(
                    authority: authority, certificate: certificate, key: key, serverName: "h")
                return nil
            } catch {
                return error
            }
        }
        #expect(mistake(certificate, key) == nil)
        #expect(mistake(certificate, key, authority: [])?.file == .authority)
        #expect(mistake(certificate, key, authority: key)?.file == .authority)
        #expect(mistake(key, key)?.file == .certificate)
        #expect(mistake(certificate, certificate)?.file == .key)
        let other = try bytes(certificates.server.key)
        #expect(mistake(certificate, other)?.text == "has the key of another certificate")
    }
}

/// Answers the same addresses for every name.
private struct Addresses: Resolver {
    let list: [String]

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        MultiThreadedEventLoopGroup.singleton.any().makeCompletedFuture {
            try list.map { try SocketAddress(ipAddress: $0, port: port) }
        }
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        MultiThreadedEventLoopGroup.singleton.any().makeSucceededFuture([])
    }

    func cancelQueries() {}
}
