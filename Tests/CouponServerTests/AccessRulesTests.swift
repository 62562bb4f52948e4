import CouponAccess
import CouponCore
import CouponWire
import Testing

@testable import CouponServer

@Suite struct AccessRulesTests {
    private let anonymous = Principal.anonymous([.issuer, .reader])
    private let close = Request.Method.closeCoupon(CouponID(1))

    /// What a caller of `close_coupon` gets; nil if it may call it.
    private func code(
        token: String? = nil, given: String = "", hasCallers: Bool = false,
        isLoopback: Bool = false,
        localCallersAreAdmins: Bool = true, _ principal: Principal? = nil
    ) -> StatusCode? {
        let settings = AccessRules.Settings(
            adminToken: token.map { Array($0.utf8) }, hasCallers: hasCallers,
            localCallersAreAdmins: localCallersAreAdmins)
        let request = Request(id: 1, token: Array(given.utf8), method: close)
        return refusal(
            request, principal ?? anonymous, Peer(address: "", isLoopback: isLoopback), settings)?
            .failure.code
    }

    private func refusal(
        _ request: Request, _ principal: Principal, _ peer: Peer, _ settings: AccessRules.Settings,
        hasAdminListener: Bool = false
    ) -> AccessRefusal? {
        do throws(AccessRefusal) {
            _ = try AccessRules.allow(
                request, of: principal, at: peer, hasAdminListener: hasAdminListener
            ) { settings }
            return nil
        } catch {
            return error
        }
    }

    @Test func `without a configured token only this machine may call`() {
        #expect(code(isLoopback: true) == nil)
        #expect(code(given: "anything", isLoopback: true) == nil)
        #expect(code(given: "anything") == .permissionDenied)
        #expect(code(isLoopback: true, localCallersAreAdmins: false) == .permissionDenied)
        #expect(code(hasCallers: true, isLoopback: true) == .unauthenticated)
    }

    @Test func `with a configured token everybody needs it`() {
        #expect(code(token: "secret", given: "secret") == nil)
        #expect(code(token: "secret", isLoopback: true) == .unauthenticated)
        for wrong in ["secreT", "secre", "secrets"] {
            #expect(code(token: "secret", given: wrong, isLoopback: true) == .permissionDenied)
        }
    }

    @Test func `with a callers file the role or the admin token is needed`() {
        let admin = Principal(name: "anna", roles: .admin)
        let reader = Principal(name: "bert", roles: [.issuer, .reader, .operator])
        #expect(code(hasCallers: true, admin) == nil)
        #expect(code(token: "secret", hasCallers: true, admin) == nil)
        #expect(code(hasCallers: true, reader) == .permissionDenied)
        #expect(code(token: "secret", hasCallers: true, reader) == .permissionDenied)
        #expect(code(token: "secret", given: "secret", hasCallers: true, reader) == nil)
        #expect(
            code(token: "secret", given: "guess", hasCallers: true, reader) == .permissionDenied)
        #expect(code(token: "secret", hasCallers: true) == .unauthenticated)
    }

    @Test func `the name of the admin token stands for its callers`() throws {
        let settings = AccessRules.Settings(
            adminToken: [1], hasCallers: true, localCallersAreAdmins: true)
        let names = try [anonymous, Principal(name: "anna", roles: .admin)].map { principal in
            try AccessRules.allow(
                Request(id: 1, token: [1], method: close), of: principal,
                at: Peer(address: "", isLoopback: false), hasAdminListener: false
            ) { settings }
        }
        #expect(names == ["admin-token", "anna"])
    }

    @Test func `with a listener of their own, admin methods come through it only`() {
        let settings = AccessRules.Settings(
            adminToken: nil, hasCallers: true, localCallersAreAdmins: true)
        let anna = Principal(name: "anna", roles: .all)
        var peer = Peer(address: "", isLoopback: true)
        let status = Request.Method.couponStatus(coupon: CouponID(1), user: nil)
        let other = refusal(
            Request(id: 1, method: status), anna, peer, settings, hasAdminListener: true)
        #expect(other == nil)
        let refused = refusal(
            Request(id: 1, method: close), anna, peer, settings, hasAdminListener: true)
        #expect(refused?.reason == .listener)
        // A service that follows events calls at the listener for callers.
        let watch = Request(id: 1, method: .watch(EventQuestion()))
        #expect(refusal(watch, anna, peer, settings, hasAdminListener: true) == nil)
        let bert = Principal(name: "bert", roles: .admin)
        #expect(refusal(watch, bert, peer, settings, hasAdminListener: true)?.reason == .role)
        peer.isAdminListener = true
        #expect(
            refusal(Request(id: 1, method: close), anna, peer, settings, hasAdminListener: true)
                == nil)
    }

    @Test func `a principal with ranges may only call methods that name one of its coupons`() throws
    {
        let settings = AccessRules.Settings(
            adminToken: nil, hasCallers: true, localCallersAreAdmins: true)
        var anna = Principal(name: "anna", roles: .all)
        anna.coupons = CouponRanges("5-7")
        let peer = Peer(address: "", isLoopback: true)
        for (id, reason) in [(4, .coupon), (5, nil), (7, nil), (8, .coupon)]
            as [(Int64, AccessRefusal.Reason?)]
        {
            for method in naming(CouponID(id)) {
                let refused = refusal(Request(id: 1, method: method), anna, peer, settings)
                #expect(refused?.reason == reason, "\(method)")
            }
            let issue = IssueRequest(coupon: CouponID(id), user: UserID(1), requestID: .empty)
            #expect(AccessRules.refusal(of: issue, from: anna)?.reason == reason)
        }
        let many: [Request.Method] = [
            .listCoupons(after: CouponID(0), limit: 1), .listDeadLetters(after: 0, coupon: nil),
            .redriveDeadLetter(1), .discardDeadLetter(1), .reload, .rebuildGate(PartitionID(0)),
            .listAdminActions(.all, before: 1, limit: 1), .adoptRedis, .watch(EventQuestion()),
        ]
        for method in many {
            #expect(
                refusal(Request(id: 1, method: method), anna, peer, settings)?.reason == .coupon)
        }
        for method in [Request.Method.health, .serverInfo(), .authenticate(token: [1])] {
            #expect(refusal(Request(id: 1, method: method), anna, peer, settings) == nil)
        }
    }

    private func naming(_ id: CouponID) -> [Request.Method] {
        let window = Window(opens: .zero, closes: Timestamp(microseconds: 1))
        return [
            .issue(IssueRequest(coupon: id, user: UserID(1), requestID: .empty)),
            .couponStatus(coupon: id, user: nil),
            .createCoupon(Coupon(id: id, title: "t", total: 1, window: window)), .getCoupon(id),
            .updateCoupon(id, CouponChange(title: "u")), .pauseCoupon(id), .resumeCoupon(id),
            .closeCoupon(id), .auditCoupon(id), .listIssues(id, after: UserID(0), limit: 1),
            .listDeadLetters(after: 0, coupon: id), .explain(coupon: id, user: UserID(1)),
            .listAdminActions(.coupon(id), before: 1, limit: 1), .watch(EventQuestion(of: id)),
        ]
    }

    @Test func `an event loop logs some refusals of a second, and counts the others`() {
        var log = AccessLog()
        let start = MonotonicTime(nanoseconds: 5_000_000_000)
        let first = (0..<20).map { _ in log.admit(now: start) }
        #expect(first.count { $0 != nil } == 16)
        #expect(log.admit(now: start.advanced(byMilliseconds: 999)) == nil)
        #expect(log.admit(now: start.advanced(byMilliseconds: 1_000)) == 5)
        #expect(log.admit(now: start.advanced(byMilliseconds: 1_001)) == 0)
    }
}

@Suite struct CallerIdentityTests {
    private let now = Timestamp(microseconds: 1_000)
    private let token = Array("coupond_1".utf8)

    private func callers(_ lines: String...) throws -> Callers {
        Callers(try CallersFile(Array(lines.joined(separator: "\n").utf8)))
    }

    private func line(_ rest: String) -> String { "shop \(rest) token=\(TokenDigest(of: token))" }

    /// Why the token is refused.
    private func authenticating(
        _ identity: inout CallerIdentity, _ token: [UInt8], _ callers: Callers
    ) -> AccessRefusal.Reason? {
        do throws(AccessRefusal) {
            try identity.authenticate(token, callers, now: now)
            return nil
        } catch {
            return error.reason
        }
    }

    /// Why the connection ends at a reload.
    private func identifying(
        _ identity: inout CallerIdentity, _ callers: Callers
    ) -> AccessRefusal.Reason? {
        do throws(AccessRefusal) {
            try identity.identifyAgain(callers, now: now)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func `a token makes the connection its principal's`() throws {
        let known = try callers(line("roles=issuer"), "anonymous roles=reader")
        var identity = CallerIdentity(Peer(address: "::1", isLoopback: true), known, now: now)
        #expect(identity.principal == .anonymous(.reader))
        #expect(authenticating(&identity, [1], known) == .token)
        #expect(identity.principal.isAnonymous)
        #expect(authenticating(&identity, token, known) == nil)
        #expect(identity.principal.name == "shop")
    }

    @Test func `a reload changes the principal of a connection, or ends it`() throws {
        let known = try callers(line("roles=issuer"))
        var identity = CallerIdentity(Peer(address: "::1", isLoopback: true), known, now: now)
        try identity.authenticate(token, known, now: now)
        try identity.identifyAgain(
            try callers(line("roles=issuer,reader coupons=1-5")), now: now)
        #expect(identity.principal.roles == [.issuer, .reader])
        #expect(!identity.principal.mayTouch(CouponID(6)))
        for gone in [try callers(""), try callers("shop roles=issuer uid=1")] {
            var identity = identity
            #expect(identifying(&identity, gone) == .revoked)
        }
        let renamed = try callers("kiosk roles=issuer token=\(TokenDigest(of: token))")
        #expect(identifying(&identity, renamed) == .revoked)
    }

    @Test func `a reload may give a name to a connection that had none, and takes it away`() throws
    {
        var peer = Peer(address: "", isLoopback: true)
        peer.socketPath = "/run/a"
        var identity = CallerIdentity(peer, try callers("anonymous roles=reader"), now: now)
        try identity.identifyAgain(try callers("shop roles=issuer socket=/run/a"), now: now)
        #expect(identity.principal.name == "shop")
        #expect(identity.address == "unix:/run/a")
        let gone = try callers("anonymous roles=reader")
        #expect(identifying(&identity, gone) == .revoked)
    }

    @Test func `an expired principal is refused`() throws {
        let known = try callers(line("roles=issuer expires=1970-01-01T00:00:00.001Z"))
        var identity = CallerIdentity(Peer(address: "::1", isLoopback: true), known, now: now)
        #expect(authenticating(&identity, token, known) == .expired)
        let before = Timestamp(microseconds: 999)
        try identity.authenticate(token, known, now: before)
        #expect(
            identity.principal.hasExpired(at: now) && !identity.principal.hasExpired(at: before))
    }

    @Test func `a connection ends with its principal, or with its certificate`() throws {
        let known = try callers(line("roles=issuer expires=1970-01-01T00:00:00.001Z"))
        let peer = Peer(address: "::1", isLoopback: true)
        let (before, after) = (Timestamp(microseconds: 999), Timestamp(microseconds: 1_001))
        var identity = CallerIdentity(peer, known, now: before)
        #expect(identity.expiry(at: after) == nil, "nobody does not expire")
        try identity.authenticate(token, known, now: before)
        #expect(identity.expiry(at: before) == nil)
        #expect(identity.expiry(at: now)?.reason == .expired)
        let certified = CallerIdentity(peer, known, now: before, certificateEnd: now)
        #expect(certified.expiry(at: now) == nil)
        #expect(certified.expiry(at: after)?.reason == .expired)
    }

    @Test func `a stranger sends short frames, one at a time`() throws {
        let known = try callers(line("roles=issuer"))
        var identity = CallerIdentity(Peer(address: "::1", isLoopback: true), known, now: now)
        #expect(identity.isStranger && identity.requestsInFlight == 1)
        #expect(identity.longestFrame(of: 1 << 20) == Limits.strangersFrameBytes)
        try identity.authenticate(token, known, now: now)
        #expect(!identity.isStranger)
        #expect(identity.requestsInFlight == Limits.requestsInFlightPerConnection)
        #expect(identity.longestFrame(of: 1 << 20) == 1 << 20)
    }

    @Test func `an expired socket proves nothing, and its caller may authenticate`() throws {
        var peer = Peer(address: "", isLoopback: true)
        peer.socketPath = "/run/a"
        let known = try callers(
            "kiosk roles=reader socket=/run/a expires=1970-01-01T00:00:00.001Z",
            line("roles=issuer"))
        let before = CallerIdentity(peer, known, now: Timestamp(microseconds: 999))
        #expect(before.principal.name == "kiosk")
        var identity = CallerIdentity(peer, known, now: now)
        #expect(identity.principal == .anonymous([]))
        #expect(identifying(&identity, known) == nil)
        #expect(authenticating(&identity, token, known) == nil)
        #expect(identity.principal.name == "shop")
    }
}
