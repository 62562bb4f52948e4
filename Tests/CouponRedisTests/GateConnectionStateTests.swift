/// When a gate connection dials, serves and closes, without Redis or a socket.
internal import CoreTestKit
internal import CouponCore
internal import NIOCore
internal import Testing

@testable internal import CouponRedis

final class FakeLink {}

/// `#expect` cannot hold a noncopyable value, so a class does.
private final class Machine {
    typealias State = GateConnectionState<FakeLink>

    private var state = State()
    private(set) var link = FakeLink()
    /// The answers that were delivered, by coupon.
    private(set) var answers: [(coupon: Int64, answer: GateAnswer)] = []

    var identity: RedisIdentity? { state.identity }
    var isReady: Bool { state.readyLink === link }

    func start() -> State.DialAction { state.start() }
    func dialDue() -> State.DialAction { state.dialDue() }
    func broke(_ reason: String = "broke") -> State.BreakAction { state.broke(reason) }
    func close() -> FakeLink? { state.close() }
    func identified(_ now: RedisIdentity?) -> State.CloseAction { state.identified(now) }

    func dialed() -> State.DialedAction {
        link = FakeLink()
        return state.dialed(link, allowUnsafeSettings: false)
    }

    func handshakeReplied(_ reply: Reply) -> State.HandshakeAction { state.handshakeReplied(reply) }

    func handshakeDeadline(of old: FakeLink? = nil) -> State.CloseAction {
        state.handshakeDeadline(of: old ?? link)
    }

    /// From a dial to a connection that is ready, or to the kill of the old one.
    func shakeHands(runID: String = "a") -> State.HandshakeAction {
        var last = State.HandshakeAction.wait
        for reply in Handshake.replies(runID: runID) { last = state.handshakeReplied(reply) }
        return last
    }

    func becomeReady() {
        #expect(start() == .dial && dialed() == .startHandshake)
        #expect(shakeHands() == .serve(unsafeSettings: []))
    }

    /// Sends a call for a coupon.
    /// - Returns: its number; nil if it was refused.
    func send(_ coupon: Int64, at second: Int = 0) -> Int? {
        guard case .transmit(let number, let over, "digest") = sending(coupon, at: second) else {
            return nil
        }
        #expect(over === link)
        return number
    }

    func refusal() -> String? {
        if case .refuse(let reason) = sending(1) { reason } else { nil }
    }

    private func sending(_ coupon: Int64, at second: Int = 0) -> State.SendAction {
        let call = GateCall(
            partition: partition, epoch: 1, identity: Handshake.identity("a"), floor: 0,
            coupon: CouponID(coupon), requests: [])
        return state.send(call, at: .second(second))
    }

    func check(at second: Int, of old: FakeLink? = nil) -> State.WatchAction {
        state.checkAnswers(
            of: old ?? link, now: .second(second), timeout: .seconds(5), probeTimeout: .seconds(2))
    }

    func breaches(of old: FakeLink? = nil) -> State.CloseAction {
        state.breaches(old ?? link, reason: "unsafe")
    }

    var mayBeGivenUp: Bool { state.mayBeGivenUp }
    func giveUp() -> [GateAnswer] { state.giveUp().map(\.answer) }

    func probeAnswered(over old: FakeLink? = nil) { state.probeAnswered(over: old ?? link) }

    var outage: String? { state.outage }

    /// What follows from a reply; the answers that are due are delivered.
    func replied(_ reply: Reply, to number: Int?) throws -> String {
        let action = state.replied(reply, to: try #require(number))
        deliver()
        switch action {
        case .deliver: return "deliver"
        case .deliverAndClose(let over, let reason): return over === link ? reason : "another link"
        case .loadScriptAndTransmit: return "load"
        case .ignore: return "ignore"
        }
    }

    func deliver() {
        while let (call, answer) = state.nextAnswer() {
            answers.append((call.questions[0].coupon.rawValue, answer))
        }
    }
}

/// What a Redis answers to a handshake.
enum Handshake {
    static func identity(_ runID: String) -> RedisIdentity {
        RedisIdentity(runID: runID, replicationID: "b")
    }

    static func replies(
        runID: String = "a", role: String = "master", fsync: String = "always"
    ) -> [Reply] {
        let info = "run_id:\(runID)\r\nmaster_replid:b\r\nrole:\(role)\r\n"
        let settings = [
            "appendonly", "yes", "appendfsync", fsync, "no-appendfsync-on-rewrite", "no",
            "maxmemory-policy", "noeviction",
        ]
        return [
            .integer(9), text(info), text("digest"), .array(settings.map(text)),
        ]
    }

    static func text(_ text: String) -> Reply { .bytes(Array(text.utf8)) }
}

extension NIODeadline {
    fileprivate static func second(_ second: Int) -> NIODeadline {
        .uptimeNanoseconds(UInt64(100 + second) * 1_000_000_000)
    }
}

private var stale: Reply { .bytes([1, 1] + [UInt8](repeating: 0, count: 8)) }

@Suite struct GateConnectionStateTests {
    private let machine = Machine()

    @Test func `a connection starts once`() {
        #expect(machine.start() == .dial)
        #expect(machine.start() == .ignore)
    }

    @Test func `a connection is ready after the handshake, and has an identity only then`() {
        #expect(machine.start() == .dial)
        #expect(machine.dialed() == .startHandshake)
        #expect(machine.identity == nil && !machine.isReady)
        #expect(machine.shakeHands() == .serve(unsafeSettings: []))
        #expect(machine.identity == Handshake.identity("a") && machine.isReady)
    }

    @Test func `a call without a connection is refused with the latest reason`() {
        #expect(machine.refusal() == "not connected to Redis yet")
        _ = machine.start()
        #expect(machine.refusal() == "not connected to Redis yet")
        _ = machine.broke("first")
        #expect(machine.refusal() == "first")
        _ = machine.dialDue()
        _ = machine.broke("second")
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.refusal() == "second")
    }

    @Test func `pauses grow with failures and begin again after a success`() throws {
        func pause(_ action: Machine.State.BreakAction) throws -> (Int64, Bool, Bool) {
            guard case .dial(let pause, let isNews, let wasReady) = action else {
                throw BackendError.redis(.unexpectedReply("no dial"))
            }
            return (pause, isNews, wasReady)
        }
        _ = machine.start()
        var full: Int64 = 50
        for failure in 0..<9 {
            let (milliseconds, isNews, wasReady) = try pause(machine.broke())
            #expect((full / 2...full).contains(milliseconds))
            #expect(isNews == (failure == 0) && !wasReady)
            full = min(2 * full, 2_000)
            #expect(machine.dialDue() == .dial)
        }
        _ = machine.dialed()
        _ = machine.shakeHands()
        let (milliseconds, isNews, wasReady) = try pause(machine.broke())
        #expect((25...50).contains(milliseconds) && isNews && wasReady)
    }

    @Test func `calls that were in flight at a node that is gone are given up`() {
        machine.becomeReady()
        _ = (machine.send(1), machine.send(2))
        #expect(!machine.mayBeGivenUp && machine.giveUp().isEmpty)
        _ = machine.broke("gone")
        #expect(machine.mayBeGivenUp)
        #expect(machine.giveUp() == [.interrupted("gone"), .interrupted("gone")])
        #expect(machine.giveUp().isEmpty)
    }

    @Test func `answers are delivered in the order of the calls`() throws {
        machine.becomeReady()
        let (first, second) = (machine.send(1), machine.send(2))
        #expect(try machine.replied(stale, to: second) == "deliver")
        #expect(machine.answers.isEmpty)
        #expect(try machine.replied(.bytes([2]), to: first) == "deliver")
        #expect(machine.answers.map(\.coupon) == [1, 2])
        #expect(machine.answers.map(\.answer) == [.rolledBack, .stale(.fenced, epoch: 0)])
    }

    @Test func `a reply that is not the script's interrupts its call`() throws {
        machine.becomeReady()
        for reply in [.bytes([99]), .error("ERR x"), .integer(1)] as [Reply] {
            _ = try machine.replied(reply, to: machine.send(1))
        }
        #expect(machine.answers.allSatisfy { $0.answer.isInterrupted })
        #expect(machine.answers.count == 3)
    }

    @Test func `a forgotten script is loaded once for a call`() throws {
        machine.becomeReady()
        let number = machine.send(1)
        let later = machine.send(2)
        #expect(try machine.replied(.error("NOSCRIPT x"), to: number) == "load")
        #expect(try machine.replied(stale, to: later) == "deliver")
        #expect(machine.answers.isEmpty)
        #expect(try machine.replied(.error("NOSCRIPT x"), to: number) == "deliver")
        #expect(machine.answers.map(\.coupon) == [1, 2])
        #expect(machine.answers[0].answer.isInterrupted)
    }

    @Test func `a Redis that became a replica is left, a full one is not`() throws {
        machine.becomeReady()
        #expect(try machine.replied(.error("OOM x"), to: machine.send(1)) == "deliver")
        #expect(
            try machine.replied(.error("READONLY x"), to: machine.send(2))
                == "Redis became a replica")
        #expect(machine.answers.allSatisfy { $0.answer.trouble != nil })
        #expect(machine.answers.count == 2)
    }

    /// Rule 14.
    @Test func `calls of a broken connection are answered after it was killed`() throws {
        machine.becomeReady()
        _ = machine.send(1)
        #expect(try machine.replied(stale, to: machine.send(2)) == "deliver")
        _ = machine.broke("cut")
        _ = machine.dialDue()
        _ = machine.broke("cannot connect")
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.shakeHands() == .kill(clientID: 9))
        machine.deliver()
        #expect(machine.answers.isEmpty && machine.identity == nil)
        #expect(machine.handshakeReplied(.integer(1)) == .serve(unsafeSettings: []))
        machine.deliver()
        #expect(machine.answers.map(\.coupon) == [1, 2])
        #expect(
            machine.answers.map(\.answer) == [
                .interrupted("cannot connect"), .stale(.fenced, epoch: 0),
            ])
        #expect(try machine.replied(stale, to: machine.send(3)) == "deliver")
        #expect(machine.answers.last?.coupon == 3)
    }

    @Test func `in another process there is nothing to kill`() {
        machine.becomeReady()
        _ = machine.send(1)
        _ = machine.broke()
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.shakeHands(runID: "c") == .serve(unsafeSettings: []))
        machine.deliver()
        #expect(machine.answers.count == 1)
    }

    @Test func `the old connection is killed even if handshakes fail in between`() {
        machine.becomeReady()
        _ = machine.broke()
        for _ in 1...2 {
            _ = machine.dialDue()
            _ = machine.dialed()
            #expect(
                machine.handshakeReplied(.error("LOADING x"))
                    == .close(reason: "Redis is loading its data (LOADING x)"))
            _ = machine.broke()
        }
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.shakeHands() == .kill(clientID: 9))
    }

    @Test func `a handshake that lasts too long is closed`() {
        _ = machine.start()
        _ = machine.dialed()
        let old = machine.link
        #expect(
            machine.handshakeDeadline() == .close(reason: "Redis did not answer the handshake"))
        _ = machine.broke()
        #expect(machine.handshakeDeadline() == .ignore)
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.handshakeDeadline(of: old) == .ignore)
        _ = machine.shakeHands()
        #expect(machine.handshakeDeadline() == .ignore)
    }

    @Test func `an answer that does not come closes the connection`() throws {
        machine.becomeReady()
        let number = machine.send(1, at: 10)
        _ = machine.send(2, at: 12)
        #expect(machine.check(at: 15) == .watchOn)
        #expect(machine.check(at: 16) == .close(reason: "Redis does not answer"))
        _ = try machine.replied(stale, to: number)
        #expect(machine.check(at: 16) == .watchOn)
        #expect(machine.check(at: 18, of: FakeLink()) == .stop)
        _ = machine.broke()
        #expect(machine.check(at: 18) == .stop)
    }

    @Test func `an idle connection is probed, and closed if the probe has no answer`() throws {
        machine.becomeReady()
        #expect(machine.check(at: 10) == .probe)
        #expect(machine.check(at: 11) == .watchOn, "one probe at a time")
        machine.probeAnswered(over: FakeLink())
        #expect(machine.check(at: 12) == .watchOn)
        machine.probeAnswered()
        #expect(machine.check(at: 13) == .probe)
        #expect(machine.check(at: 15) == .watchOn)
        #expect(machine.check(at: 16) == .close(reason: "Redis does not answer"))
        _ = machine.broke()
        machine.probeAnswered()
        #expect(machine.check(at: 17) == .stop)
    }

    @Test func `a connection with calls in flight needs no probe`() throws {
        machine.becomeReady()
        let number = machine.send(1, at: 10)
        #expect(machine.check(at: 14) == .watchOn)
        _ = try machine.replied(stale, to: number)
        #expect(machine.check(at: 15) == .probe)
    }

    @Test func `a new reason for an outage is news, and the reason is known`() throws {
        func isNews(_ reason: String) -> Bool {
            guard case .dial(_, let isNews, _) = machine.broke(reason) else { return false }
            _ = machine.dialDue()
            return isNews
        }
        #expect(machine.outage == "not connected to Redis yet")
        machine.becomeReady()
        #expect(machine.outage == nil)
        #expect(isNews("closed") && !isNews("closed") && isNews("refused") && !isNews("refused"))
        #expect(machine.outage == "refused")
    }

    @Test func `another history closes the connection`() {
        machine.becomeReady()
        #expect(machine.identified(Handshake.identity("a")) == .ignore)
        #expect(machine.identified(nil) == .ignore)
        #expect(
            machine.identified(Handshake.identity("c"))
                == .close(reason: "Redis was replaced, restarted or promoted"))
    }

    @Test func `a Redis that becomes unsafe gets no call, and is left after its last answer`()
        throws
    {
        machine.becomeReady()
        let (first, second) = (machine.send(1), machine.send(2))
        #expect(machine.breaches(of: FakeLink()) == .ignore && machine.outage == nil)
        #expect(machine.breaches() == .ignore)
        #expect(machine.outage == "unsafe" && machine.refusal() == "unsafe")
        #expect(try machine.replied(stale, to: second) == "deliver")
        #expect(try machine.replied(stale, to: first) == "unsafe")
        #expect(machine.answers.map(\.coupon) == [1, 2])
        _ = machine.broke("unsafe")
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.shakeHands() == .kill(clientID: 9))
        #expect(machine.handshakeReplied(.integer(1)) == .serve(unsafeSettings: []))
        #expect(machine.outage == nil)
        #expect(machine.breaches() == .close(reason: "unsafe"), "nothing is in flight")
    }

    @Test func `after a close nothing happens any more`() {
        machine.becomeReady()
        _ = machine.send(1)
        #expect(machine.close() === machine.link)
        #expect(machine.close() == nil)
        #expect(machine.broke() == .ignore && machine.start() == .ignore)
        #expect(machine.dialDue() == .ignore && machine.dialed() == .close)
        #expect(machine.send(1) == nil && machine.refusal() == "the gate connection is closed")
        machine.deliver()
        #expect(machine.answers.isEmpty)
    }
}
