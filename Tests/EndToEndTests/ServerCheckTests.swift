/// `coupond --check-config=connect`: what a start would refuse.
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ServerCheckTests {
    @Test func `servers are asked, and nothing is changed`() async throws {
        let world = try await World()
        let password = try world.folder.write(LeastRights.redisPassword + "\n", to: "password")
        func check(_ flags: [String] = [], word: String = "=connect") async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("coupond"),
                [
                    "--check-config" + word, "--redis", "unix:\(world.redis.socket)",
                    "--redis-user", LeastRights.redisUser, "--redis-password-file", password,
                    "--postgres", world.daemonDatabase,
                ] + flags)
        }
        let daemon = try await world.daemon()
        #expect(try await daemon.stop() == .code(0))
        let good = try await check()
        #expect(good.end == .code(0), "\(good.text)")
        #expect(good.text.hasSuffix("postgres: the schema is up to date"), "\(good.text)")
        let other = try await check(["--partitions", "7"])
        #expect(other.end == .code(78))
        #expect(other.text.contains("the configuration says 7"), "\(other.text)")
        try await world.redis.kill()
        let away = try await check()
        #expect(away.end == .code(69), "\(away.text)")
        // Both are asked.
        #expect(try await check(["--partitions", "7"]).end == .code(78))
        // Without servers only the settings are checked.
        #expect(try await check(word: "").end == .code(0))
        #expect(try await check(word: "=disconnect").end == .code(64))
    }
}
