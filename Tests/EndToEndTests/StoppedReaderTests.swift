/// The reader of the daemon's log has stopped. The daemon does not.
import CouponClient
import CouponCore
import Glibc
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct StoppedReaderTests {
    @Test func `a daemon whose log nobody reads serves, reloads and stops`()
        async throws
    {
        let world = try await World()
        let reader = try FullPipe(world.folder.file("log"))
        let metrics = Int(try freePort())
        let daemon = try Daemon(
            world, ["--metrics-listen", "127.0.0.1:\(metrics)"],
            startedBy: ["sh", "-c", "exec \"$@\" 2> \"$0\"", reader.path])
        try await daemon.ready()
        for number in 1...20 as ClosedRange<Int64> {
            _ = try await daemon.client.create(.offer(number, total: 1))
            #expect(try await daemon.win(CouponID(number), 1) == 1)
            try await daemon.client.reload()
        }
        _ = try await daemon.client.status(of: CouponID(1), user: UserID(1))
        #expect(try httpGet("/readyz", port: metrics).hasSuffix("ready\n"))
        #expect(
            try httpGet("/metrics", port: metrics).contains("\ncoupond_log_lines_dropped_total 0\n")
        )
        #expect(try await daemon.stop() == .code(0))
        #expect(try !reader.hasRoom(), "nobody has read from the pipe")
    }
}

/// A named pipe that is open and full, and that nobody reads.
private final class FullPipe: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        try #require(unsafe mkfifo(path, 0o600) == 0)
        descriptor = unsafe open(path, O_RDWR | O_NONBLOCK)
        try #require(descriptor >= 0)
        while try hasRoom() {}
    }

    deinit { close(descriptor) }

    /// Writes a byte. False if the pipe is full.
    func hasRoom() throws -> Bool {
        var byte: UInt8 = 0
        if unsafe write(descriptor, &byte, 1) == 1 { return true }
        try #require(errno == EAGAIN)
        return false
    }
}
