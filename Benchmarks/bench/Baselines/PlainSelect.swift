/// A prepared SELECT of one row by its primary key, as a service would read statuses from its own table.
internal import Foundation
internal import TestSupport

struct PlainSelect {
    private let stage: Stage
    private let rows: Int

    /// Makes a table with as many rows as there are users to ask about.
    init(_ stage: Stage, rows: Int) throws {
        self.stage = stage
        self.rows = rows
        try stage.postgres.run(
            """
            DROP TABLE IF EXISTS plain_status;
            CREATE TABLE plain_status (id bigint PRIMARY KEY, sequence bigint, issued_at timestamptz);
            INSERT INTO plain_status SELECT n, n, now() FROM generate_series(1, \(rows)) AS n;
            """)
        try stage.postgres.run("VACUUM ANALYZE plain_status")
    }

    /// pgbench over 50 sessions; selects a second.
    func rate(seconds: Int) async throws -> Double {
        let folder = try TemporaryFolder()
        let script = "\\set id random(1, \(rows))\n\(Self.select.replacing("$1", with: ":id"));\n"
        try script.write(toFile: folder.path + "/select.sql", atomically: true, encoding: .utf8)
        let process = try ServerProcess(
            stage.postgresServer.program("pgbench"),
            arguments: [
                "--no-vacuum", "--protocol=prepared", "--file=select.sql",
                "--client=\(Stage.connections)", "--time=\(seconds)", stage.database,
            ], in: folder.path)
        _ = try await process.waitForEnd(within: .seconds(Double(seconds) + 30))
        let words = process.logTail(lines: 1).split(separator: " ")
        guard words.count > 2, words[0] == "tps", let rate = Double(words[2]) else {
            throw BenchmarkError("pgbench: \(process.logTail())")
        }
        return rate
    }

    /// The median time of a gate script followed by a select, from one client, in seconds.
    func latencyAfterScript(rounds: Int) throws -> Double {
        let gate = try GateScript(stage.redis)
        try stage.postgres.prepare("plain_select", Self.select)
        defer { _ = try? stage.postgres.run("DEALLOCATE plain_select") }
        var durations: [Double] = []
        for number in 1...rounds {
            let start = nanoseconds()
            try stage.redis.call(
                ["EVALSHA", gate.digest, "\(GateScript.keys.count)"] + GateScript.keys
                    + ["\(GateScript.limit)", "\(number)"])
            try stage.postgres.execute("plain_select", "\(1 + number % rows)")
            durations.append(Double(nanoseconds() - start) / 1e9)
        }
        return durations.median
    }

    private static let select = "SELECT sequence, issued_at FROM plain_status WHERE id = $1"
}
