/// What a handshake makes of Redis' replies, without a connection.
internal import CouponCore
internal import Testing

@testable internal import CouponRedis

@Suite struct GateHandshakeTests {
    private let session = GateSession(
        identity: Handshake.identity("a"), clientID: 9, digest: "digest", unsafeSettings: [])

    private func steps(
        _ replies: [Reply], previous: GateSession? = nil, allowUnsafeSettings: Bool = false
    ) -> [GateHandshake.Step] {
        var handshake = GateHandshake(
            previous: previous, allowUnsafeSettings: allowUnsafeSettings)
        return replies.map { handshake.received($0) }
    }

    @Test func `a handshake has four questions and then is finished`() {
        #expect(GateHandshake.commands.count == 4)
        #expect(steps(Handshake.replies()) == [.wait, .wait, .wait, .finished(session)])
    }

    @Test func `an old connection of the same process is killed`() {
        let replies = Handshake.replies() + [.integer(0)]
        #expect(
            steps(replies, previous: session).suffix(2)
                == [.kill(clientID: 9), .finished(session)])
        let refused = Handshake.replies() + [.error("NOPERM x")]
        #expect(
            steps(refused, previous: session).last
                == .failed(reason: "the Redis user lacks a permission (NOPERM x)"))
        #expect(steps(Handshake.replies(runID: "c"), previous: session).last != .kill(clientID: 9))
    }

    @Test(arguments: 0...2) func `an error ends the handshake`(index: Int) {
        var replies = Handshake.replies()
        replies[index] = .error("NOAUTH x")
        #expect(steps(replies)[index] == .failed(reason: "Redis needs a password (NOAUTH x)"))
    }

    @Test func `a replica is refused`() {
        let last = steps(Handshake.replies(role: "slave")).last
        #expect(last == .failed(reason: "Redis is a replica"))
    }

    @Test func `a Redis without an identity is refused`() {
        var replies = Handshake.replies()
        replies[1] = Handshake.text("")
        #expect(steps(replies).last == .failed(reason: "Redis does not say which server it is"))
    }

    @Test func `unsafe or hidden settings are refused unless allowed`() {
        var hidden = Handshake.replies()
        hidden[3] = .error("ERR unknown command 'CONFIG'")
        for replies in [Handshake.replies(fsync: "everysec"), hidden] {
            guard case .failed(let reason) = steps(replies).last else {
                Issue.record("not refused")
                continue
            }
            #expect(reason.hasPrefix("unsafe Redis settings: "))
            guard case .finished(let session) = steps(replies, allowUnsafeSettings: true).last
            else {
                Issue.record("not allowed")
                continue
            }
            #expect(session.unsafeSettings.count == 1)
        }
    }

    @Test(arguments: [
        ("NOPERM x", "the Redis user lacks a permission (NOPERM x)"),
        ("BUSY x", "Redis is running a long script (BUSY x)"),
        ("LOADING x", "Redis is loading its data (LOADING x)"),
    ])
    func `settings that cannot be read at the moment are not called unsafe`(
        error: String, reason: String
    ) {
        var replies = Handshake.replies()
        replies[3] = .error(error)
        #expect(steps(replies).last == .failed(reason: reason))
    }
}
