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
        let answer = try response()
        #expect(answer == Response(id: id, result: .health(notReady: nil)))
    }
}
