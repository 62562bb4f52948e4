/// The servers that `make run`, `make demo` and other scripts start and stop.
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(
    .machine(.asking), .timeLimit(.minutes(2)),
    .enabled(if: getuid() == 0, "only root runs PostgreSQL as another user"))
struct PrivateServersTests {
    /// Root of a container may not look into processes of other users.
    private func servers(_ words: String...) async throws -> CommandRun {
        try await CommandRun(
            "/usr/bin/setpriv",
            ["--bounding-set", "-sys_ptrace", "--", repositoryRoot + "/Scripts/private-servers"]
                + words,
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
    }

    @Test func `root in a container finds its servers again, and stops them`() async throws {
        let folder = try TemporaryFolder()
        let (place, port) = (folder.file("servers"), "\(try freePort())")
        let file = place + "/postgres/data/postmaster.pid"
        // After a kill, too.
        for ending in ["stop", "kill", "stop"] {
            let started = try await servers("start", place, port)
            #expect(started.end == .code(0), "\(started.text)")
            let first = try String(contentsOfFile: file, encoding: .utf8)
            let again = try await servers("start", place, port)
            #expect(again.end == .code(0) && again.text == started.text, "\(again.text)")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == first)
            let process = try #require(Int32(first.prefix { $0 != "\n" }))
            if ending == "kill" {
                kill(process, SIGKILL)
                continue
            }
            let stopped = try await servers("stop", place)
            #expect(stopped.end == .code(0), "\(stopped.text)")
            #expect(!FileManager.default.fileExists(atPath: file))
        }
    }
}
