import CouponClient
import CouponCore
import Foundation
import NIOCore
import Synchronization
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// Daemons are replaced one after the other while callers use all of them.
    @Suite(.machine(.killing), .serialized) struct RollingRestartTests {
        private final class Load: Sendable {
            private let state = Mutex((users: Int64(0), errors: [String](), isOver: false))

            func end() { state.withLock { $0.isOver = true } }
            var users: Int64 { state.withLock { $0.users } }
            var errors: [String] { state.withLock { $0.errors } }

            /// One caller: the next user, again and again.
            func run(_ client: CouponClient, _ coupon: CouponID) async {
                while true {
                    let next: Int64? = state.withLock {
                        guard !$0.isOver else { return nil }
                        $0.users += 1
                        return $0.users
                    }
                    guard let next else { return }
                    do {
                        let outcome = try await client.issue(
                            coupon, to: UserID(next),
                            waitFor: next.isMultiple(of: 2) ? .issued : .accepted,
                            deadline: .seconds(20))
                        guard outcome.isPositive else { throw Unexpected(outcome: outcome) }
                        // A method that is sent once, and must not see the restart either.
                        if next.isMultiple(of: 16) { _ = try await client.status(of: coupon) }
                    } catch {
                        state.withLock { $0.errors.append("\(error)") }
                    }
                }
            }
        }

        private struct Unexpected: Error { let outcome: Outcome }

        private func start(_ world: World, _ port: Int) async throws -> Daemon {
            let daemon = try Daemon(world, ["--listen", "127.0.0.1:\(port)"])
            let client = CouponClient(
                address: ServerAddress(host: "127.0.0.1", port: port), configuration: .patient)
            try await eventually("it is ready; its log ends: \(daemon.process.logTail(lines: 5))") {
                try await client.health() == nil
            }
            await client.close()
            return daemon
        }

        /// Two daemons with a coupon, and a client that knows both.
        private func startTwo(
            _ world: World
        ) async throws -> (ports: [Int], client: CouponClient, daemons: [Daemon]) {
            let ports = [Int(try freePort()), Int(try freePort())]
            var daemons: [Daemon] = []
            for port in ports { daemons.append(try await start(world, port)) }
            let client = CouponClient(
                addresses: ports.map { ServerAddress(host: "127.0.0.1", port: $0) },
                configuration: .patient)
            _ = try await client.create(.offer(1, total: nil))
            return (ports, client, daemons)
        }

        @Test func `no caller notices a rolling restart of two daemons`() async throws {
            let world = try await World()
            let (ports, client, started) = try await startTwo(world)
            var daemons = started
            let load = Load()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 1...16 { tasks.addTask { await load.run(client, 1) } }
                for _ in 1...2 {
                    for number in daemons.indices {
                        let before = load.users
                        #expect(try await daemons[number].stop() == .code(0))
                        daemons[number] = try await start(world, ports[number])
                        try await eventually("the load goes on") { load.users > before + 100 }
                    }
                }
                load.end()
                try await tasks.waitForAll()
            }
            #expect(load.errors == [])
            try await eventually("all are issued") { try world.issued == load.users }
            await client.close()
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        @Test func `no caller notices the commands of docs/UPGRADE.md`() async throws {
            let commands = try Recipe("upgrade", page: "UPGRADE.md").lines
            #expect(commands.count { $0 == "systemctl restart coupond" } == 1)
            let world = try await World()
            let (ports, client, started) = try await startTwo(world)
            var daemons = started
            let load = Load()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 1...4 { tasks.addTask { await load.run(client, 1) } }
                for (number, port) in ports.enumerated() {
                    for command in commands where command != "systemctl restart coupond" {
                        let before = load.users
                        try await run(command, world, port)
                        guard command.contains("--check-config") else { continue }
                        #expect(try await daemons[number].stop() == .code(0))
                        daemons[number] = try Daemon(world, ["--listen", "127.0.0.1:\(port)"])
                        try await eventually("the load goes on") { load.users > before + 100 }
                    }
                }
                load.end()
                try await tasks.waitForAll()
            }
            #expect(load.errors == [])
            await client.close()
            for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
        }

        /// Runs a command of the page, with the settings of the test's daemons.
        private func run(_ command: String, _ world: World, _ port: Int) async throws {
            let folder = URL(filePath: builtExecutable("couponctl")).deletingLastPathComponent()
            let password = try world.folder.write(LeastRights.redisPassword + "\n", to: "password")
            let file = try world.folder.write(
                """
                redis = unix:\(world.redis.socket)
                redis-user = \(LeastRights.redisUser)
                redis-password-file = \(password)
                postgres = \(world.daemonDatabase)

                """, to: "coupond.conf")
            let own = command.replacing("/etc/coupond/coupond.conf", with: file)
                .replacing("sudo -u coupond ", with: "")
            let run = try await CommandRun(
                "/bin/sh", ["-c", own],
                environment: [
                    "COUPONCTL_ADDRESS": "127.0.0.1:\(port)",
                    "PATH": "\(folder.path):/usr/bin:/bin",
                ])
            #expect(run.end == .code(0), "\(command): \(run.text)")
        }
    }
}

extension Outcome {
    fileprivate var isPositive: Bool {
        switch self {
        case .accepted, .issued, .duplicate: true
        default: false
        }
    }
}
