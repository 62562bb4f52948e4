/// Sockets that were open before the daemon: those of coupond.socket.
import CouponClient
import CouponCore
import Foundation
import NIOCore
import Synchronization
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(5))) struct SocketActivationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// `coupond --print-config`, or its mistakes.
    private func settings(
        _ sockets: [ListeningSocket], _ names: [String]?, environment: [String: String] = [:],
        by starter: [String] = ListeningSocket.starter
    ) async throws -> CommandRun {
        let command = starter + [builtExecutable("coupond"), "--print-config"]
        return try await CommandRun(
            command[0], Array(command.dropFirst()),
            environment: ListeningSocket.environment(count: sockets.count, names: names)
                .merging(environment) { $1 }, passed: sockets.map(\.descriptor))
    }

    @Test func `a socket's name is the setting that it replaces`() async throws {
        let ports = [try freePort(), try freePort(), try freePort()]
        let path = folder.file("admin.sock")
        let sockets = [
            try ListeningSocket(port: Int(ports[0])), try ListeningSocket(path: path),
            try ListeningSocket(port: Int(ports[1])), try ListeningSocket(port: Int(ports[2])),
        ]
        let run = try await settings(
            sockets, ["listen", "admin-listen", "metrics-listen", "listen"],
            environment: ["COUPOND_LISTEN": "127.0.0.1:1"])
        #expect(run.end == .code(0))
        for line in [
            "listen = 127.0.0.1:\(ports[0]),127.0.0.1:\(ports[2])", "admin-listen = unix:\(path)",
            "metrics-listen = 127.0.0.1:\(ports[1])",
        ] {
            #expect(run.text.contains("# LISTEN_FDS\n\(line)\n"), "\(run.text)")
        }
    }

    @Test(arguments: [nil, ["unknown"], ["coupond.socket"], [""]] as [[String]?])
    func `a socket without a name is for callers`(_ names: [String]?) async throws {
        let port = try freePort()
        let run = try await settings([try ListeningSocket(port: Int(port))], names)
        #expect(run.text.contains("# LISTEN_FDS\nlisten = 127.0.0.1:\(port)\n"), "\(run.text)")
    }

    @Test func `sockets of another process are left alone`() async throws {
        let run = try await settings(
            [try ListeningSocket(port: Int(freePort()))], ["listen"],
            environment: ["LISTEN_PID": "1"], by: ["/usr/bin/env"])
        #expect(run.text.contains("# default\nlisten = 127.0.0.1:7070\n"), "\(run.text)")
    }

    @Test func `a socket that cannot be used is a mistake of the configuration`() async throws {
        func mistake(
            _ sockets: [ListeningSocket], _ names: [String]?, _ variables: [String: String] = [:]
        ) async throws -> String {
            let run = try await settings(sockets, names, environment: variables)
            #expect(run.end == .code(78))
            return run.text
        }
        let socket = try ListeningSocket(port: Int(freePort()))
        #expect(
            try await mistake([socket], ["listn"])
                == "LISTEN_FDS: unknown socket name listn; did you mean listen?")
        #expect(
            try await mistake([ListeningSocket(datagrams: ())], ["listen"])
                == "LISTEN_FDS: socket 3 (listen) is not a listening stream socket: "
                + "use ListenStream= and Accept=no")
        #expect(
            try await mistake([socket], ["listen"], ["LISTEN_FDS": "2"])
                == "LISTEN_FDS: LISTEN_FDNAMES has 1 names for 2 sockets")
        // Descriptor 4 may be open by then, as a file of the daemon's own.
        #expect(
            try await mistake([socket], nil, ["LISTEN_FDS": "400"]).hasPrefix(
                "LISTEN_FDS: socket 4 is not "))
        #expect(
            try await mistake([socket], nil, ["LISTEN_FDS": "many"])
                == "LISTEN_FDS: LISTEN_FDS is not a number of sockets")
        let unix = try ListeningSocket(path: folder.file("m.sock"))
        #expect(
            try await mistake([unix], ["metrics-listen"]).hasPrefix(
                "LISTEN_FDS: metrics-listen is "))
        let beyond = try ListeningSocket(host: "0.0.0.0", port: Int(freePort()))
        #expect(
            try await mistake([beyond], ["listen"]).contains(
                "which is beyond this machine, without TLS"))
    }

    @Test func `callers, admins and Prometheus come by sockets that were open before`()
        async throws
    {
        let world = try await World()
        let (port, metrics) = (Int(try freePort()), Int(try freePort()))
        let path = world.folder.file("admin.sock")
        let sockets = [
            try ListeningSocket(port: port), try ListeningSocket(path: path),
            try ListeningSocket(port: metrics),
        ]
        let daemon = try Daemon(
            world,
            environment: ListeningSocket.environment(
                count: 3, names: ["listen", "admin-listen", "metrics-listen"]),
            startedBy: ListeningSocket.starter, passed: sockets.map(\.descriptor))
        let client = CouponClient(
            address: ServerAddress(host: "127.0.0.1", port: port), configuration: .patient)
        let admin = CouponClient(address: .unix(path: path), configuration: .patient)
        try await eventually("it is ready") { try await client.health() == nil }
        #expect(try await refusal { try await client.create(.offer(1, total: 1)) } != nil)
        _ = try await admin.create(.offer(1, total: 1))
        let request = IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .issued)
        guard case .issued = try await client.issue(request) else {
            Testing.Issue.record("not issued")
            return
        }
        #expect(try httpGet("/readyz", port: metrics).hasSuffix("ready\n"))
        #expect(try await daemon.stop() == .code(0))
        // The activator's file stays, and its socket waits for the next daemon.
        #expect(FileManager.default.fileExists(atPath: path))
        _ = try PlainSocket(port: port)
        await client.close()
        await admin.close()
    }

    @Test func `no caller is refused while the daemon restarts 20 times`() async throws {
        let world = try await World()
        let (port, path) = (Int(try freePort()), world.folder.file("callers.sock"))
        let sockets = [try ListeningSocket(port: port), try ListeningSocket(path: path)]
        func start() throws -> Daemon {
            try Daemon(
                world,
                environment: ListeningSocket.environment(
                    count: 2, names: ["listen", "listen"]),
                startedBy: ListeningSocket.starter, passed: sockets.map(\.descriptor))
        }
        let addresses = [ServerAddress(host: "127.0.0.1", port: port), .unix(path: path)]
        let admin = CouponClient(address: addresses[1], configuration: .patient)
        var daemon = try start()
        try await eventually("it is ready") { try await admin.health() == nil }
        _ = try await admin.create(.offer(1, total: nil))
        let end = End()
        let (issued, connected) = try await withThrowingTaskGroup(of: (Int, Int).self) { tasks in
            for caller in 0..<4 {
                tasks.addTask {
                    (try await issue(caller, at: addresses[caller % 2], until: end), 0)
                }
            }
            tasks.addTask { (0, try await connect(to: port, until: end)) }
            for _ in 1...20 {
                #expect(try await daemon.stop() == .code(0))
                daemon = try start()
                let before = end.issued.load(ordering: .relaxed)
                try await eventually("callers are served again") {
                    end.issued.load(ordering: .relaxed) >= before + 50
                }
            }
            end.isOver.store(true, ordering: .relaxed)
            return try await tasks.reduce(into: (0, 0)) {
                $0.0 += $1.0
                $0.1 += $1.1
            }
        }
        print("20 restarts: \(issued) coupons issued, \(connected) connections")
        #expect(issued > 0 && connected > 0)
        #expect(try await daemon.stop() == .code(0))
        #expect(try world.issued == Int64(issued))
        await admin.close()
    }

    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: socketActivate),
            "systemd-socket-activate is not installed"))
    func `systemd-socket-activate starts the daemon for its first caller`() async throws {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try Daemon(
            world,
            startedBy: [
                socketActivate, "--listen=127.0.0.1:\(port)", "--fdname=listen",
                "--setenv=PATH", "--",
            ])
        let client = CouponClient(
            address: ServerAddress(host: "127.0.0.1", port: port), configuration: .patient)
        try await eventually("the first caller is answered") { try await client.health() == nil }
        await client.close()
        #expect(try await daemon.stop() == .code(0))
    }
}

/// Whether the callers may end.
private final class End: Sendable {
    let isOver = Atomic(false)
    /// What all of them got.
    let issued = Atomic(0)
}

private let socketActivate = "/usr/bin/systemd-socket-activate"

/// Issues one coupon after the other; each request may be tried again.
/// - Returns: how many were issued.
private func issue(
    _ caller: Int, at address: ServerAddress, until end: End
) async throws -> Int {
    let client = CouponClient(address: address, configuration: .patient)
    var count = 0
    while !end.isOver.load(ordering: .relaxed) {
        count += 1
        let request = IssueRequest(
            coupon: CouponID(1), user: UserID(Int64(caller * 1_000_000 + count)), waitFor: .issued)
        let outcome = try await client.issue(request, retrying: RetryPolicy())
        guard case .issued = outcome else { throw Unexpected(what: "\(outcome)") }
        end.issued.add(1, ordering: .relaxed)
    }
    await client.close()
    return count
}

/// Connects 200 times a second: more than that would fill the queue of the socket while no daemon runs.
/// - Throws: when a connection is refused.
private func connect(to port: Int, until end: End) async throws -> Int {
    var count = 0
    while !end.isOver.load(ordering: .relaxed) {
        _ = try PlainSocket(port: port)
        count += 1
        try await Task.sleep(for: .milliseconds(5))
    }
    return count
}
