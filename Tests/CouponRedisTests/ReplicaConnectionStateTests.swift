/// When a replica connection dials, asks and answers, without Redis or a socket.
internal import NIOCore
internal import Testing

@testable internal import CouponRedis

/// `#expect` cannot hold a noncopyable value, so a class does.
private final class Machine {
    typealias State = ReplicaConnectionState<FakeLink>

    static let now = NIODeadline.uptimeNanoseconds(100_000_000_000)

    private var state = State()
    private(set) var link = FakeLink()

    /// Asks a question.
    /// - Returns: when to dial; nil if it was sent over the link.
    func ask() -> NIODeadline? {
        switch state.ask() {
        case .dial(let moment): return moment
        case .send(let over): #expect(over === link)
        case .ignore: Issue.record("ignored")
        }
        return nil
    }

    var isIgnoringQuestions: Bool { if case .ignore = state.ask() { true } else { false } }

    func dialDue() -> State.DialAction { state.dialDue() }
    func answered() -> State.AnswerAction { state.answered() }
    func dialFailed() -> State.BreakAction { state.dialFailed(at: Self.now) }
    func broke() -> State.BreakAction { state.broke(at: Self.now) }
    func close() -> FakeLink? { state.close() }

    func dialed() -> State.DialedAction {
        let new = FakeLink()
        let action = state.dialed(new)
        if action == .send { link = new }
        return action
    }

    func deadline() -> String {
        switch state.questionDeadline() {
        case .close(let over): over === link ? "close" : "another link"
        case .breakOff: "break off"
        case .ignore: "ignore"
        }
    }

    func connect() {
        #expect(ask() != nil && dialDue() == .dial && dialed() == .send)
        #expect(answered() == .deliver)
    }
}

@Suite struct ReplicaConnectionStateTests {
    private let machine = Machine()

    @Test func `the first question dials at once, the next one is sent`() {
        #expect(machine.ask() == .uptimeNanoseconds(0))
        #expect(machine.dialDue() == .dial)
        #expect(machine.dialed() == .send)
        #expect(machine.answered() == .deliver)
        #expect(machine.ask() == nil)
        #expect(machine.answered() == .deliver)
        #expect(machine.answered() == .ignore)
    }

    @Test func `failures answer the question and delay the next dial`() throws {
        var full: Int64 = 50
        for failure in 0..<6 {
            let moment = try #require(machine.ask())
            if failure > 0 {
                let pause = (moment - Machine.now).nanoseconds / 1_000_000
                #expect((full / 2...full).contains(pause))
                full = min(2 * full, 500)
            }
            #expect(machine.dialDue() == .dial)
            #expect(machine.dialFailed() == .answer(isFirstFailure: failure == 0))
        }
    }

    @Test func `a connection without an answer is not a success`() {
        _ = machine.ask()
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.broke() == .answer(isFirstFailure: true))
        _ = machine.ask()
        _ = machine.dialDue()
        _ = machine.dialed()
        #expect(machine.broke() == .answer(isFirstFailure: false))
        machine.connect()
        #expect(machine.broke() == .log(isFirstFailure: true))
    }

    @Test func `a question without an answer in time closes the link`() {
        machine.connect()
        #expect(machine.deadline() == "ignore")
        #expect(machine.ask() == nil)
        #expect(machine.deadline() == "close")
        #expect(machine.broke() == .answer(isFirstFailure: true))
    }

    @Test func `a question whose time ends before there is a link is answered`() {
        _ = machine.ask()
        #expect(machine.deadline() == "break off")
        #expect(machine.broke() == .answer(isFirstFailure: true))
        #expect(machine.dialDue() == .ignore)
        _ = machine.ask()
        _ = machine.dialDue()
        #expect(machine.deadline() == "break off")
        #expect(machine.broke() == .answer(isFirstFailure: false))
        #expect(machine.dialed() == .close, "nobody waits for it")
    }

    @Test func `a late dial serves the question that waits`() {
        _ = machine.ask()
        _ = machine.dialDue()
        _ = machine.broke()
        _ = machine.ask()
        #expect(machine.dialed() == .send)
        #expect(machine.dialDue() == .ignore)
        #expect(machine.dialed() == .close, "one link is enough")
        #expect(machine.dialFailed() == .ignore)
        #expect(machine.answered() == .deliver)
        #expect(machine.dialFailed() == .ignore)
        #expect(machine.ask() == nil)
    }

    @Test func `after a close nothing happens any more`() {
        machine.connect()
        #expect(machine.close() === machine.link)
        #expect(machine.close() == nil)
        #expect(machine.broke() == .ignore && machine.dialFailed() == .ignore)
        #expect(machine.isIgnoringQuestions && machine.dialed() == .close)
        #expect(machine.deadline() == "ignore" && machine.answered() == .ignore)
    }
}
