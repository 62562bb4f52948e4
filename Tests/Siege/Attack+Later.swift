/// Attacks by methods that hold many users, by events, and through TLS.
internal import CouponCore
internal import CouponWire
internal import Foundation
internal import TestSupport
internal import TestWorld

extension Attack {
    // MARK: Floods of requests

    /// Batches of a thousand users for a coupon that is sold out.
    static let batches = flood("batches", perSecond: 50) { id in
        let items = (0..<1_000).map { IssueBatch.Item(user: UserID(Int64(id) * 1_000 + $0)) }
        return Request(
            id: id, method: .issueBatch(IssueBatch(coupon: SiegeScene.soldOut, items: items)))
    }

    /// Batches of a thousand statuses.
    static let statusBatches = flood("status-batches", perSecond: 50) { id in
        let users = (1...1_000).map { UserID(Int64(id) * 1_000 + $0) }
        return Request(id: id, method: .couponStatusBatch(coupon: SiegeScene.soldOut, users: users))
    }

    /// Questions for all events since the oldest.
    static let watches = flood("watches", perSecond: 3_000) { id in
        Request(id: id, method: .watch(EventQuestion(.oldest, waitMilliseconds: 0)))
    }

    // MARK: Through TLS

    /// 2,000 connections with TLS that each ask much at once, read all, and then say nothing.
    static let restingTLS = Attack("resting-tls", usesTLS: true) { squad in
        let question =
            (try? Request(
                id: 7, method: .issue(IssueRequest(coupon: SiegeScene.soldOut, user: UserID(7)))
            ).frame()) ?? []
        let questions = Array([[UInt8]](repeating: question, count: 10_000).joined())
        let connections = crowd(squad) { $0.sendLater(questions) }
        var (before, read) = (-1, 0)
        while read != before, !squad.isOver {
            usleep(500_000)
            (before, read) = (read, connections.reduce(0) { $0 + $1.received })
        }
        squad.isOn()
        squad.repeatedly(perSecond: 10) { _ in }
        for connection in connections { connection.close() }
    }

    /// 2,000 connections with TLS, each with half of a record, which are made again when they are closed.
    static let halfRecords = Attack("half-records", usesTLS: true) { squad in
        let half = { (connection: RawConnection) in
            connection.cutRecords()
            connection.sendLater([UInt8](repeating: 0, count: 16_000))
        }
        let greeting = (try? Request(id: 1, method: .health).frame()) ?? []
        var connections = crowd(squad) { $0.sendLater(greeting) }
        for connection in connections { half(connection) }
        squad.isOn()
        var next = 0
        squad.repeatedly(perSecond: connections.count) { count in
            for _ in 0..<count where !squad.isOver {
                next = (next + 1) % connections.count
                guard !connections[next].isOpen,
                    let again = try? RawConnection(
                        blockingWithPort: squad.target.port, usesTLS: true)
                else { continue }
                again.sendLater(greeting)
                half(again)
                connections[next] = again
            }
        }
        for connection in connections { connection.close() }
    }

    /// Connections that have completed their handshake, because the first request is answered.
    private static func crowd(
        _ squad: Attackers.Squad, _ begin: (RawConnection) -> Void
    ) -> [RawConnection] {
        (0..<squad.share(2_000)).compactMap { _ in
            guard
                let connection = try? RawConnection(
                    blockingWithPort: squad.target.port, usesTLS: true)
            else { return nil }
            begin(connection)
            // Connections are made one after the other: this attack is not about handshakes.
            for _ in 0..<1_000 where connection.received == 0 && connection.isOpen { usleep(1_000) }
            return connection
        }
    }

    // MARK: HTTP

    /// Connections that send a request byte by byte, as many as there may be, and more.
    static let slowHTTP = Attack("slow-http") { squad in
        let count = squad.share(500)
        var sockets = (0..<count).map { _ in
            Wave(squad.target.httpPort, first: Array("GET /metrics HTTP/1.1\r\nx: ".utf8))
        }
        squad.isOn()
        var next = 0
        squad.repeatedly(perSecond: count) { portion in
            for _ in 0..<portion {
                sockets[next].send([UInt8(ascii: "a")])
                next = (next + 1) % count
            }
        }
        sockets.removeAll()
    }
}
