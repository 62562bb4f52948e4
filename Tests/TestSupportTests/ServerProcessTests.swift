/// What integration tests rely on when they start servers.
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct ServerProcessTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `a process ends by the signal that it gets, and is reaped`() async throws {
        let sleep = try ServerProcess("sleep", arguments: ["1000"], in: folder.path)
        #expect(sleep.isRunning)
        #expect(try await sleep.terminate() == .signal(SIGTERM))
        #expect(!sleep.isRunning)
        #expect(kill(sleep.pid, 0) == -1)
    }

    @Test func `a wait for a line wants all texts in one line, which may come in pieces`()
        async throws
    {
        let shell = try ServerProcess(
            "sh", arguments: ["-c", "printf 'one '; sleep 0.1; echo two; echo three; sleep 600"],
            in: folder.path)
        try await shell.logs("one", "two")
        try await shell.logs("three")
        await #expect(throws: NeverHeld.self) {
            try await shell.logs("two", "three", within: .milliseconds(50))
        }
    }

    @Test func `the output and the exit code of a process are kept`() async throws {
        let shell = try ServerProcess(
            "sh", arguments: ["-c", "echo $WORD; pwd >&2; exit 7"],
            environment: ["WORD": "hello"], in: folder.path)
        #expect(try await shell.waitForEnd() == .code(7))
        #expect(shell.logTail() == "hello\n\(folder.path)")
    }

    @Test func `a process that ignores SIGTERM is killed at the deadline`() async throws {
        let stubborn = try ServerProcess(
            "sh", arguments: ["-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"],
            in: folder.path)
        try await eventually("the trap") { stubborn.logTail() == "ready" }
        await #expect(throws: ServerProcessError.self) {
            try await stubborn.terminate(within: .milliseconds(50))
        }
        #expect(!stubborn.isRunning)
    }

    @Test func `a process is killed when its last reference goes`() async throws {
        var sleep: ServerProcess? = try ServerProcess("sleep", arguments: ["1000"], in: folder.path)
        let pid = try #require(sleep?.pid)
        sleep = nil
        #expect(kill(pid, 0) == -1)
    }

    @Test func `a process outlives the thread that started it`() async throws {
        let path = folder.path
        let started = Mutex<ServerProcess?>(nil)
        let thread = Thread {
            let process = try? ServerProcess("sleep", arguments: ["1000"], in: path)
            started.withLock { $0 = process }
        }
        thread.start()
        try await eventually("the thread's end") { thread.isFinished }
        let sleep = try #require(started.withLock { $0 })
        // A death signal would have arrived before this process could start and end.
        let other = try ServerProcess("true", in: path)
        #expect(try await other.waitForEnd() == .code(0))
        #expect(sleep.isRunning)
    }

    @Test func `a wait that fails names its condition`() async throws {
        await #expect {
            try await eventually("the moon", within: .milliseconds(1)) { false }
        } throws: { error in
            "\(error)".hasPrefix("the moon did not hold")
        }
    }
}
