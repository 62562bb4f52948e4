/// The attacks, with their sizes in a full run.
internal import CouponCore
internal import CouponWire
internal import Foundation
internal import TestSupport
internal import TestWorld

struct Attack: Sendable {
    /// The name that `--only` takes.
    let name: String
    let threads: Int
    /// Whether the daemon speaks TLS. Then honest callers come through a unix socket.
    let usesTLS: Bool
    /// Runs on each thread, until the attack is over.
    let body: @Sendable (Attackers.Squad) -> Void

    init(
        _ name: String, threads: Int = 1, usesTLS: Bool = false,
        _ body: @escaping @Sendable (Attackers.Squad) -> Void
    ) {
        self.name = name
        self.threads = threads
        self.usesTLS = usesTLS
        self.body = body
    }

    static let all = [
        idle, trickling, neverReading, handshakes, wrongTokens, wrongAdminTokens, http, halfFrames,
        inventedIDs, retries, statuses, batches, statusBatches, watches, restingTLS, halfRecords,
        slowHTTP,
    ]

    // MARK: Connections that hold places

    /// 10,000 connections that say nothing.
    static let idle = Attack("idle") { squad in
        let sockets = (0..<squad.share(10_000)).compactMap { _ in
            try? PlainSocket(port: squad.target.port)
        }
        squad.isOn()
        squad.repeatedly(perSecond: 10) { _ in }
        withExtendedLifetime(sockets) {}
    }

    /// 1,000 connections, each with a byte of a long frame every second.
    static let trickling = Attack("trickling") { squad in
        let count = squad.share(1_000)
        // The length of the longest frame; what follows are zeros.
        var sockets = (0..<count).map { _ in Wave(squad.target.port, first: [0, 1, 0, 0]) }
        squad.isOn()
        var next = 0
        squad.repeatedly(perSecond: count) { portion in
            for _ in 0..<portion {
                sockets[next].send([0])
                next = (next + 1) % count
            }
        }
        sockets.removeAll()
    }

    /// 1,000 connections that ask and do not read.
    static let neverReading = Attack("never-reading") { squad in
        let count = squad.share(1_000)
        // A short request with a longer answer: an issue without fields.
        let question = PlainSocket.frame([0x08, 0x05, 0x52, 0x00])
        let questions = Array([[UInt8]](repeating: question, count: 2_000).joined())
        var sockets = (0..<count).map { _ in Wave(squad.target.port, receiveBuffer: 4_096) }
        squad.isOn()
        var next = 0
        squad.repeatedly(perSecond: 10 * count) { portion in
            for _ in 0..<portion {
                sockets[next].send(questions, reading: false)
                next = (next + 1) % count
            }
        }
        sockets.removeAll()
    }

    // MARK: Floods of requests

    private static let connections = 16

    /// Pipelined requests on a few connections.
    static func flood(
        _ name: String, perSecond: Int = 20_000, _ request: @escaping @Sendable (UInt64) -> Request
    ) -> Attack {
        Attack(name, threads: 2) { squad in
            var sockets = (0..<connections / squad.threads).map { _ in Wave(squad.target.port) }
            squad.isOn()
            var id: UInt64 = 0
            squad.repeatedly(perSecond: squad.share(perSecond)) { count in
                for index in sockets.indices {
                    var frames: [UInt8] = []
                    for _ in 0..<max(1, count / sockets.count) {
                        id += 1
                        frames += (try? request(id).frame()) ?? []
                    }
                    sockets[index].send(frames)
                }
            }
            sockets.removeAll()
        }
    }

    /// Guesses of a caller's token.
    static let wrongTokens = flood("wrong-tokens") { id in
        Request(id: id, method: .authenticate(token: guess()))
    }

    /// Guesses of the admin token.
    static let wrongAdminTokens = flood("wrong-admin-tokens") { id in
        Request(id: id, token: guess(), method: .getCoupon(SiegeScene.soldOut))
    }

    private static func guess() -> [UInt8] { (0..<32).map { _ in UInt8.random(in: 33...126) } }

    /// Requests for coupons that do not exist, each with a new id.
    static let inventedIDs = flood("invented-ids") { id in
        Request(
            id: id,
            method: .issue(
                IssueRequest(
                    coupon: CouponID(.random(in: 1 << 20..<1 << 62)), user: UserID(Int64(id)))))
    }

    /// Retries for a coupon that is sold out: they pass the front door.
    static let retries = flood("retries", perSecond: 100_000) { id in
        Request(
            id: id,
            method: .issue(
                IssueRequest(
                    coupon: SiegeScene.soldOut, user: UserID(Int64(id) + 1), requestID: .random(),
                    attempt: 1)))
    }

    static let statuses = flood("statuses") { id in
        Request(
            id: id, method: .couponStatus(coupon: SiegeScene.soldOut, user: UserID(Int64(id))))
    }

    // MARK: Floods of connections

    /// The first flight of a TLS handshake, then a reset once the daemon has answered: the answer costs the
    /// daemon a signature, and the attacker nothing.
    static let handshakes = Attack("handshakes", threads: 4, usesTLS: true) { squad in
        squad.isOn()
        squad.repeatedly(perSecond: squad.share(2_000)) { count in
            for _ in 0..<count where !squad.isOver {
                guard let socket = try? PlainSocket(port: squad.target.port) else { continue }
                try? socket.send(clientHello)
                _ = socket.isReadable(within: 1)
                socket.breakOff()
            }
        }
    }

    /// TLS 1.3 with X25519, as small as it may be. The key of the other side is never used.
    private static let clientHello: [UInt8] = {
        let extensions: [UInt8] =
            [0, 43, 0, 3, 2, 3, 4, 0, 10, 0, 4, 0, 2, 0, 29]  // version, group
            + [0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1]  // signatures
            + [0, 51, 0, 38, 0, 36, 0, 29, 0, 32] + [UInt8](repeating: 9, count: 32)
        let hello: [UInt8] =
            [3, 3] + [UInt8](repeating: 7, count: 32)  // version, random
            + [0, 0, 2, 19, 1, 1, 0, 0, UInt8(extensions.count)] + extensions
        return [22, 3, 1, 0, UInt8(hello.count + 4), 1, 0, 0, UInt8(hello.count)] + hello
    }()

    /// Whole pages of metrics, each over a connection of its own.
    static let http = Attack("http", threads: 4) { squad in
        let request = Array("GET /metrics HTTP/1.1\r\nhost: siege\r\n\r\n".utf8)
        squad.isOn()
        squad.repeatedly(perSecond: squad.share(1_000)) { count in
            for _ in 0..<count where !squad.isOver {
                guard let socket = try? PlainSocket(port: squad.target.httpPort) else { continue }
                try? socket.send(request)
                _ = socket.isReadable(within: 1)
                _ = socket.discard()
                socket.breakOff()
            }
        }
    }

    /// Half a frame, then a reset.
    static let halfFrames = Attack("half-frames", threads: 4) { squad in
        squad.isOn()
        squad.repeatedly(perSecond: squad.share(2_000)) { count in
            for _ in 0..<count where !squad.isOver {
                guard let socket = try? PlainSocket(port: squad.target.port) else { continue }
                try? socket.send([0, 0, 0, 40] + [UInt8](repeating: 8, count: 20))
                socket.breakOff()
            }
        }
    }
}

/// One connection of an attacker, made again whenever it is closed.
struct Wave {
    private let port: Int
    private let first: [UInt8]
    private let receiveBuffer: Int32?
    private var socket: PlainSocket?
    /// What the socket had no room for: frames are sent whole.
    private var unsent: [UInt8] = []

    init(_ port: Int, first: [UInt8] = [], receiveBuffer: Int32? = nil) {
        self.port = port
        self.first = first
        self.receiveBuffer = receiveBuffer
        connect()
    }

    private mutating func connect() {
        socket = try? PlainSocket(port: port, receiveBuffer: receiveBuffer)
        socket?.breakOff()
        unsent = first
    }

    /// Sends bytes, if all before are sent.
    /// - Parameter reading: whether it reads, and forgets, what has come.
    mutating func send(_ bytes: [UInt8], reading: Bool = true) {
        if socket == nil { connect() }
        guard let socket else { return }
        if unsent.count <= first.count { unsent += bytes }
        do throws(SocketError) {
            unsent.removeFirst(try socket.sendAtOnce(unsent))
        } catch {
            self.socket = nil
        }
        if reading, !socket.discard() { self.socket = nil }
    }
}
