/// When a connection reads, pauses and closes, without a socket.
import CouponCore
import Testing

@testable import CouponServer

/// `#expect` cannot hold a noncopyable value, so a class does.
private final class Machine {
    private var state = ConnectionState()

    var mayHandle: Bool { state.mayHandleRequest }

    func readMore() -> ConnectionState.ReadAction { state.readMore() }
    func readCompleted() -> ConnectionState.ReadAction { state.readCompleted() }
    func writabilityChanged(to isWritable: Bool) { state.writabilityChanged(to: isWritable) }
    func receive(_ count: Int = 1) { for _ in 0..<count { state.requestReceived() } }
    func answer(_ count: Int = 1) { for _ in 0..<count { state.requestAnswered() } }
    func deferRequests() { state.deferRequests() }
    func continueRequests() { state.continueRequests() }
    func limitUnanswered(to limit: Int) { state.limitUnanswered(to: limit) }
    func inputClosed() { state.inputClosed() }
    func end() { state.end() }
    func shutDown() { state.shutDown() }
    func disconnected() { state.disconnected() }

    func closeIfDone(
        isWritten: Bool = true, hasRequest: Bool = false
    ) -> ConnectionState.CloseAction {
        state.closeIfDone(isWritten: isWritten, hasRequest: hasRequest)
    }
}

@Suite struct ConnectionStateTests {
    private let machine = Machine()
    private let limit = Limits.requestsInFlightPerConnection

    @Test func `a read is asked for once until it completes`() {
        #expect(machine.mayHandle)
        #expect(machine.readMore() == .read)
        #expect(machine.readMore() == .wait)
        #expect(machine.readCompleted() == .read)
        #expect(machine.readMore() == .wait)
    }

    @Test func `too many unanswered requests pause reading, and one answer resumes it`() {
        machine.receive(limit - 1)
        #expect(machine.mayHandle)
        machine.receive()
        #expect(!machine.mayHandle)
        #expect(machine.readMore() == .wait)
        machine.answer()
        #expect(machine.mayHandle)
        #expect(machine.readMore() == .read)
    }

    @Test func `requests that wait for the next turn are handled before more is read`() {
        #expect(machine.readMore() == .read)
        machine.deferRequests()
        #expect(!machine.mayHandle)
        #expect(machine.readCompleted() == .wait)
        machine.continueRequests()
        #expect(machine.mayHandle)
        #expect(machine.readMore() == .read)
    }

    @Test func `a connection whose requests wait for the next turn is not closed`() {
        machine.deferRequests()
        machine.inputClosed()
        #expect(!machine.mayHandle)
        #expect(machine.closeIfDone(hasRequest: true) == .wait)
        machine.continueRequests()
        #expect(machine.mayHandle)
        #expect(machine.closeIfDone() == .close)
    }

    @Test func `a stranger has one request at a time`() {
        machine.limitUnanswered(to: 1)
        machine.receive()
        #expect(!machine.mayHandle)
        machine.answer()
        #expect(machine.mayHandle)
        machine.limitUnanswered(to: limit)
        machine.receive(2)
        #expect(machine.mayHandle)
    }

    @Test func `a read that completes while paused is not repeated`() {
        #expect(machine.readMore() == .read)
        machine.receive(limit)
        #expect(machine.readCompleted() == .wait)
        machine.answer()
        #expect(machine.readMore() == .read)
    }

    @Test func `a read that is pending while paused stays the only one`() {
        #expect(machine.readMore() == .read)
        machine.receive(limit)
        machine.answer()
        #expect(machine.readMore() == .wait)
        #expect(machine.readCompleted() == .read)
    }

    @Test func `a client that does not read its responses is not read`() {
        machine.writabilityChanged(to: false)
        #expect(!machine.mayHandle)
        #expect(machine.readMore() == .wait)
        machine.writabilityChanged(to: true)
        #expect(machine.mayHandle)
        #expect(machine.readMore() == .read)
    }

    @Test func `both reasons to pause must pass`() {
        machine.receive(limit)
        machine.writabilityChanged(to: false)
        machine.answer()
        #expect(!machine.mayHandle)
        machine.writabilityChanged(to: true)
        #expect(machine.mayHandle)
    }

    @Test func `a reading or paused connection stays open`() {
        #expect(machine.closeIfDone() == .wait)
        machine.writabilityChanged(to: false)
        #expect(machine.closeIfDone() == .wait)
    }

    @Test func `after the input is closed requests are handled but nothing is read`() {
        #expect(machine.readMore() == .read)
        machine.inputClosed()
        #expect(machine.mayHandle)
        #expect(machine.readCompleted() == .wait)
        machine.receive(limit)
        #expect(!machine.mayHandle)
        machine.answer()
        #expect(machine.mayHandle)
        machine.writabilityChanged(to: false)
        #expect(!machine.mayHandle)
    }

    @Test func `a closed input closes the connection when everything is answered and written`() {
        machine.receive()
        machine.inputClosed()
        #expect(machine.closeIfDone() == .wait, "unanswered")
        machine.answer()
        #expect(machine.closeIfDone(isWritten: false) == .wait)
        #expect(machine.closeIfDone(hasRequest: true) == .wait)
        #expect(machine.closeIfDone() == .close)
        #expect(machine.closeIfDone() == .wait, "only once")
    }

    @Test func `a paused connection whose input closes handles the rest when there is room`() {
        machine.receive(limit)
        machine.inputClosed()
        #expect(!machine.mayHandle)
        machine.answer()
        #expect(machine.mayHandle)
    }

    @Test func `an ending connection handles nothing and closes after the last answer`() {
        machine.receive(2)
        machine.end()
        #expect(!machine.mayHandle)
        #expect(machine.readCompleted() == .wait)
        machine.inputClosed()
        machine.writabilityChanged(to: true)
        machine.answer()
        #expect(machine.closeIfDone() == .wait)
        machine.answer()
        #expect(machine.closeIfDone(isWritten: false) == .wait)
        #expect(machine.closeIfDone(hasRequest: true) == .close)
    }

    @Test func `a shutdown does not wait for answers, only for what is written`() {
        machine.receive(limit)
        machine.shutDown()
        #expect(machine.closeIfDone(isWritten: false) == .wait)
        #expect(machine.closeIfDone() == .close)
    }

    @Test func `a late answer after the end changes nothing`() {
        machine.receive()
        machine.disconnected()
        machine.answer()
        machine.inputClosed()
        machine.end()
        machine.shutDown()
        #expect(!machine.mayHandle)
        #expect(machine.readMore() == .wait)
        #expect(machine.closeIfDone() == .wait)
    }
}
