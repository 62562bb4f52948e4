import CouponCore
import CouponWire
import Testing

@testable import CouponClient

@Suite struct RetryTests {
    private static let away = ClientError.refused(Failure(.unavailable, "away"))
    private static let unknown = ClientError.connectionLost(reason: "cut")

    @Test(arguments: [
        (ClientError.refused(Failure(.unavailable, "")), true),
        (.refused(Failure(.resourceExhausted, "", retryAfterMilliseconds: 1)), true),
        (.refused(Failure(.resourceExhausted, "the message costs too much")), false),
        (.refused(Failure(.deadlineExceeded, "", acceptance: .unknown)), true),
        (.refused(Failure(.deadlineExceeded, "", acceptance: .accepted(sequence: 1))), false),
        (.refused(Failure(.invalidArgument, "")), false),
        (.connectionLost(reason: ""), true),
        (.deadlineExceeded, true),
        (.cannotConnect(ServerAddress(host: "h", port: 1), reason: ""), true),
        (.wrongAnswer(""), false),
    ])
    func `only errors that may pass are retried`(error: ClientError, mayHelp: Bool) {
        #expect(RetryPolicy.mayHelp(after: error) == mayHelp)
    }

    @Test func `pauses double up to the longest`() {
        var policy = RetryPolicy()
        policy.tries = 10
        let pauses = (1...8).map { policy.pause(before: $0, after: Self.away, jitter: 1) }
        #expect(pauses == [50, 100, 200, 400, 800, 1600, 2000, 2000])
        #expect(policy.pause(before: 1, after: Self.away, jitter: 0) == 0)
        #expect(policy.pause(before: 1, after: Self.away, jitter: 0.5) == 25)
    }

    @Test func `the pause that the daemon names counts`() {
        let error = ClientError.refused(
            Failure(.resourceExhausted, "full", retryAfterMilliseconds: 700))
        #expect(RetryPolicy().pause(before: 1, after: error, jitter: 0) == 700)
        #expect(RetryPolicy().pause(before: 1, after: error, jitter: 1) == 750)
    }

    @Test func `an earlier call for the request may have been accepted, whatever this try says`() {
        var policy = RetryPolicy()
        policy.tries = 1
        for (attempt, known) in [(0, Acceptance.notAccepted), (1, .unknown)]
            as [(UInt32, Acceptance)]
        {
            let request = IssueRequest(
                coupon: CouponID(1), user: UserID(2), requestID: .random(), attempt: attempt)
            var attempts = IssueAttempts(request, policy: policy)
            guard case .fail(let error) = attempts.failed(Self.away, jitter: 0) else {
                Testing.Issue.record("it goes on")
                continue
            }
            #expect(error.acceptance == known)
        }
    }

    @Test func `a retry is the same request with the next attempt number`() {
        let request = IssueRequest(coupon: CouponID(1), user: UserID(2))
        var attempts = IssueAttempts(request, policy: RetryPolicy())
        let name = attempts.request.requestID
        #expect(!name.isEmpty)
        #expect(attempts.request.attempt == 0)
        #expect(attempts.failed(Self.away, jitter: 1) == .retry(afterMilliseconds: 50))
        #expect(attempts.request.attempt == 1)
        #expect(attempts.request.requestID == name)
    }

    @Test func `tries are counted`() {
        var policy = RetryPolicy()
        policy.tries = 2
        var attempts = IssueAttempts(
            IssueRequest(coupon: CouponID(1), user: UserID(2)), policy: policy)
        #expect(attempts.failed(Self.away, jitter: 1) == .retry(afterMilliseconds: 50))
        #expect(attempts.failed(Self.away, jitter: 0) == .fail(Self.away))
    }

    @Test func `each call has all its tries, however often the request was sent before`() {
        for sent in [20, .max - 1] as [UInt32] {
            var attempts = IssueAttempts(
                IssueRequest(
                    coupon: CouponID(1), user: UserID(2), requestID: .random(), attempt: sent),
                policy: RetryPolicy(tries: 4))
            var pauses: [UInt32] = []
            while case .retry(let pause) = attempts.failed(Self.away, jitter: 1) {
                pauses.append(pause)
            }
            #expect(pauses == [50, 100, 200])
            #expect(attempts.request.attempt == (sent == 20 ? 24 : .max))
        }
    }

    /// The first try may have been accepted, even if the second one could not connect.
    @Test func `an unknown acceptance stays unknown after a later failure`() {
        var policy = RetryPolicy()
        policy.tries = 2
        var attempts = IssueAttempts(
            IssueRequest(coupon: CouponID(1), user: UserID(2)), policy: policy)
        _ = attempts.failed(Self.unknown, jitter: 0)
        let step = attempts.failed(Self.away, jitter: 0)
        #expect(step == .fail(.givenUp(.unknown, last: Self.away)))
        #expect(ClientError.givenUp(.unknown, last: Self.away).acceptance == .unknown)
    }

    @Test func `a known acceptance is kept`() {
        var policy = RetryPolicy()
        policy.tries = 3
        var attempts = IssueAttempts(
            IssueRequest(coupon: CouponID(1), user: UserID(2)), policy: policy)
        let accepted = ClientError.refused(
            Failure(.unavailable, "", acceptance: .accepted(sequence: 7)))
        _ = attempts.failed(Self.unknown, jitter: 0)
        _ = attempts.failed(accepted, jitter: 0)
        let step = attempts.failed(Self.unknown, jitter: 0)
        #expect(step == .fail(.givenUp(.accepted(sequence: 7), last: Self.unknown)))
    }
}

@Suite struct ServerAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7070", "127.0.0.1", 7070), ("localhost:1", "localhost", 1),
        ("[::1]:65535", "::1", 65_535),
    ])
    func `an address is read and written`(text: String, host: String, port: Int) throws {
        let address = try #require(ServerAddress(text))
        #expect(address == ServerAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: ["", "host", "host:", ":7070", "host:0", "host:65536", "::1:7070", "host:x"])
    func `a text that is not an address is refused`(text: String) {
        #expect(ServerAddress(text) == nil)
    }

    @Test func `a unix socket is an address`() throws {
        let address = try #require(ServerAddress("unix:/run/c.sock"))
        #expect(address == .unix(path: "/run/c.sock") && address.socketPath == "/run/c.sock")
        #expect(address.description == "unix:/run/c.sock")
        let long = "unix:/" + String(repeating: "x", count: 107)
        #expect(ServerAddress("unix:relative") == nil && ServerAddress(long) == nil)
    }

    @Test func `a path that is too long for a unix socket is named`() async throws {
        let address = ServerAddress.unix(path: "/" + String(repeating: "x", count: 107))
        let client = CouponClient(address: address)
        await #expect(
            throws: ClientError.cannotConnect(
                address, reason: "the path of a unix socket may have 107 bytes")
        ) { _ = try await client.health() }
        await client.close()
    }
}
