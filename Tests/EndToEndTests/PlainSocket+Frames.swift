/// What most tests do with a plain socket.
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

extension PlainSocket {
    /// Sends bytes as one frame.
    func sendFrame(_ message: [UInt8]) throws { try send(Self.frame(message)) }

    /// Sends a request.
    func send(_ request: Request) throws { try send(request.frame()) }

    /// The next response, which must be an error.
    func failure() throws -> (id: UInt64, failure: Failure) {
        let response = try #require(try response())
        guard case .failure(let failure) = response.result else {
            throw Unexpected(what: "\(response)")
        }
        return (response.id, failure)
    }

    /// Asks for health, and expects the answer next: the connection is usable.
    func checkAlive(id: UInt64 = 999) throws {
        try send(Request(id: id, method: .health))
        try expectHealth(id: id)
    }

    /// The next response answers a question for health. On a busy machine Redis may be late at this moment.
    func expectHealth(id: UInt64) throws {
        let answer = try #require(try response())
        guard case .health = answer.result, answer.id == id else {
            throw Unexpected(what: "\(answer)")
        }
    }
}
