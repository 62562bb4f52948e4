/// The commands of docs/STANDBY.md, as they are written there.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    @Suite(.machine(.killing), .serialized) struct StandbyRecipeTests {
        @Test func `a sale goes on while the page's commands fail over and replace servers`()
            async throws
        {
            let machines = try await Machines()
            let server = try await PostgresServer.shared()
            let world = try await World(postgres: server, database: machines.connection)
            let daemon = try await world.daemon()
            let traffic = try await Traffic(world, through: daemon, total: 400)
            await traffic.run(first: 100)

            try await machines.run("standby", on: 2, primary: 1)
            try await machines.expectStandby(of: 1)
            let soon = traffic.accepted + 30
            async let first: Void = traffic.run(first: 150)
            try await traffic.reach(accepted: soon)
            try await machines.run("stop", on: 1)
            try await machines.run("promote", on: 2)
            await first
            try await traffic.heal(through: daemon)

            try await machines.run("follow", on: 1, primary: 2)
            try await machines.expectStandby(of: 2)
            let later = traffic.accepted + 30
            async let second: Void = traffic.run(first: 150)
            try await traffic.reach(accepted: later)
            try await machines.run("standby", on: 3, primary: 2)
            try await machines.run("stop", on: 2)
            try await machines.run("promote", on: 3)
            // The copy has the setting of its primary, and no standby.
            try await eventually("a commit waits") {
                try server.query(
                    "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
                    on: machines.connection) == "t"
            }
            try await machines.run("alone", on: 3)
            await second
            await traffic.run()
            try await traffic.heal(through: daemon)
            await traffic.askAgain(try await world.tables())
            try await traffic.expectBalance(through: daemon)
            let wentBack = daemon.process.logText.contains("PostgreSQL went back")
            #expect(!wentBack)
            #expect(try await daemon.stop() == .code(0))
        }
    }
}

/// Three machines with PostgreSQL, as folders and ports. The first is a primary; the others are empty.
private final class Machines: Sendable {
    private let folder: TemporaryFolder
    private let programs: String
    private static let user: String? = geteuid() == 0 ? "postgres" : nil

    init() async throws {
        folder = try TemporaryFolder()
        programs =
            URL(filePath: try await PostgresServer.shared().program("psql"))
            .deletingLastPathComponent().path
        for name in ["socket", "1", "2", "3"] {
            _ = try folder.makeFolder(name, owner: Self.user)
        }
        try await run(
            commands: """
                initdb --username coupond --auth trust --encoding UTF8 --locale C --no-sync
                echo "unix_socket_directories = '\(folder.file("socket"))'" >> "$PGDATA/postgresql.conf"
                echo "listen_addresses = ''" >> "$PGDATA/postgresql.conf"
                pg_ctl --wait --silent --log="$PGDATA/startup.log" start
                psql --command="CREATE ROLE replicator LOGIN REPLICATION" postgres
                """, on: 1)
    }

    /// The servers that the commands have started do not end with the commands.
    deinit {
        for number in 1...3 {
            let file = folder.file("\(number)/postmaster.pid")
            guard let text = try? String(contentsOfFile: file, encoding: .utf8),
                let line = text.split(separator: "\n").first, let process = Int32(line)
            else { continue }
            kill(process, SIGQUIT)
            let deadline = ContinuousClock.now + .seconds(5)
            while kill(process, 0) == 0, ContinuousClock.now < deadline { usleep(10_000) }
        }
    }

    /// A superuser's connection string with all machines.
    var connection: String {
        let hosts = Array(repeating: folder.file("socket"), count: 3).joined(separator: ",")
        return "host=\(hosts) port=5501,5502,5503 user=coupond dbname=postgres "
            + "target_session_attrs=read-write"
    }

    /// Runs a recipe of the page.
    /// - Parameter primary: the machine that the page calls db1 or db2.
    @discardableResult
    func run(_ recipe: String, on machine: Int, primary: Int = 0) async throws -> String {
        let text = try Recipe(recipe, page: "STANDBY.md").text
            .replacing(/host=db[12]/, with: "host=\(folder.file("socket")) port=550\(primary)")
        return try await run(commands: text, on: machine)
    }

    /// Runs the recipe until there is a standby for which commits wait.
    func expectStandby(of machine: Int) async throws {
        try await eventually("there is a synchronous standby") {
            try await run("synchronous", on: machine).contains("quorum")
        }
    }

    @discardableResult
    private func run(commands: String, on machine: Int) async throws -> String {
        let own = try TemporaryFolder()
        let shell = try ServerProcess(
            "/bin/sh", arguments: ["-ec", commands],
            environment: [
                "PATH": "\(programs):/usr/bin:/bin", "PGHOST": folder.file("socket"),
                "PGUSER": "coupond", "PGPORT": "550\(machine)",
                "PGDATA": folder.file("\(machine)"),
            ], in: own.path, user: Self.user)
        let end = try await shell.waitForEnd(within: .seconds(60))
        let text = shell.logText
        #expect(end == .code(0), "\(commands)\n\(text)")
        return text
    }
}
