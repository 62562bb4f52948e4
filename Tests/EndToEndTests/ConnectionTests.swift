/// Clients that are unusual, but follow the protocol.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

extension DaemonTests {
    @Suite struct ConnectionTests {
        @Test func `a request that comes byte by byte is answered`() throws {
            let client = try PlainSocket(port: try SharedWorld.current.one.port)
            for id in 1...3 {
                for byte in try Request(id: UInt64(id), method: .health).frame() {
                    try client.send([byte])
                }
            }
            let answers = try (1...3).map { _ in try #require(try client.response()).id }
            #expect(answers.sorted() == [1, 2, 3])
        }

        @Test func `each of many pipelined requests is answered once`() async throws {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 1_000)
            let client = try PlainSocket(port: daemon.port)
            // Fast and slow methods are mixed, so answers overtake each other. There are more requests
            // than the daemon reads at once.
            let count: UInt64 = 3_000
            let requests = try (1...count).flatMap { id -> [UInt8] in
                let method: Request.Method =
                    switch id % 10 {
                    case 0: .couponStatus(coupon: coupon, user: nil)
                    case 1: .health
                    default: .issue(IssueRequest(coupon: coupon, user: UserID(Int64(id))))
                    }
                return try Request(id: id, deadlineMilliseconds: 60_000, method: method).frame()
            }
            try client.send(requests)
            var ids: [UInt64] = []
            for _ in 0..<count { ids.append(try #require(try client.response()).id) }
            #expect(ids.sorted() == Array(1...count))
            try client.checkAlive()
        }

        @Test func `requests for which a turn has no time are answered in the next ones, in order`()
            throws
        {
            let client = try PlainSocket(port: try SharedWorld.current.one.port)
            // Four turns' worth, on a connection that sends no more after them.
            let count = UInt64(4 * Limits.turnCost / Limits.otherRequestCost)
            try client.send(
                (1...count).flatMap { try Request(id: $0, method: .serverInfo()).frame() })
            client.finishSending()
            for id in 1...count { try #require(try client.response()?.id == id) }
            #expect(try client.response() == nil)
        }

        @Test(arguments: [1, 3_000])
        func `a client that has closed its sending side still gets its answers`(_ count: UInt64)
            async throws
        {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: nil)
            let client = try PlainSocket(port: daemon.port)
            let requests = try (1...count).flatMap { id in
                try Request(
                    id: id, deadlineMilliseconds: 60_000,
                    method: .issue(
                        IssueRequest(coupon: coupon, user: UserID(Int64(id)), waitFor: .issued))
                ).frame()
            }
            try client.send(requests)
            client.finishSending()
            var ids: [UInt64] = []
            while let response = try client.response() {
                guard case .issue(.issued) = response.result else {
                    throw Unexpected(what: "\(response)")
                }
                ids.append(response.id)
            }
            #expect(ids.sorted() == Array(1...count))
        }

        @Test func `a request with a deadline of 1 ms ends and says what is known of it`()
            async throws
        {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: nil)
            let client = try PlainSocket(port: daemon.port)
            for id in UInt64(1)...50 {
                let name = RequestID.random()
                let request = IssueRequest(
                    coupon: coupon, user: UserID(Int64(id)), requestID: name, waitFor: .issued)
                try client.send(Request(id: id, deadlineMilliseconds: 1, method: .issue(request)))
                let response = try #require(try client.response())
                #expect(response.id == id)
                let again = try await daemon.ask(
                    coupon, Int64(id), name, waitFor: .issued, attempt: 1)
                guard case .issued(let sequence, _) = again else {
                    throw Unexpected(what: "\(again)")
                }
                switch response.result {
                case .issue(let outcome): #expect(outcome == again)
                case .failure(let failure):
                    #expect(failure.code == .deadlineExceeded)
                    if case .accepted(let known) = failure.acceptance { #expect(known == sequence) }
                default: throw Unexpected(what: "\(response)")
                }
            }
        }

        @Test func `the daemon stops reading from a client that never reads`() async throws {
            // A daemon of its own: other tests of the suite use the memory of the shared one.
            let daemon = try await SharedWorld.current.world.daemon()
            let before = try daemon.residentKiB()
            let nonReader = try PlainSocket(port: daemon.port, receiveBuffer: 4_096)
            // A short request with a longer response.
            let question = PlainSocket.frame([0x08, 0x05, 0x52, 0x00])
            let questions = Array([[UInt8]](repeating: question, count: 4_000).joined())
            let tooMuch = 100_000_000
            var (sent, misses) = (0, 0)
            // If the buffer is full once, earlier bytes may still be on their way to the daemon.
            while sent < tooMuch && misses < 100 {
                let part = Array(questions[(sent % questions.count)...])
                // On a slow machine the deadline for unread answers ends the connection first.
                guard let count = try? nonReader.sendAtOnce(part) else { break }
                sent += count
                misses = count > 0 ? 0 : misses + 1
                if count == 0 { _ = try await daemon.client.serverInfo() }
            }
            #expect(sent < tooMuch, "the daemon keeps reading")
            try PlainSocket(port: daemon.port).checkAlive()
            let coupon = try await daemon.offer(total: 1)
            #expect(try await daemon.win(coupon, 1) == 1)
            #expect(try daemon.residentKiB() - before < 64 * 1_024)
            #expect(try await daemon.stop() == .code(0))
        }
    }
}

extension Daemon {
    /// The process's resident memory.
    func residentKiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return try #require(line.flatMap { Int($0.filter(\.isNumber)) })
    }
}
