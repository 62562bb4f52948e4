/// The watchdog while a thread of the daemon really stands still, as a debugger stops it.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(
    .machine(.asking), .timeLimit(.minutes(2)),
    .enabled("a process may not stop threads here") { mayTrace() })
struct WatchdogTests {
    /// Stops a thread (PTRACE_SEIZE, PTRACE_INTERRUPT) until this script ends: then the kernel lets it go on.
    private static let stopper = """
        import ctypes, os, signal, sys
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        thread = int(sys.argv[1])
        for request in 0x4206, 0x4207:
            if libc.ptrace(request, thread, None, None):
                sys.exit(os.strerror(ctypes.get_errno()))
        os.waitpid(thread, 0x40000000)
        print("stopped", open(f"/proc/{thread}/comm").read(), flush=True)
        signal.pause()
        """

    /// A thread of a process, by a pattern for the name that the kernel shows; nil if there is none.
    private func find(_ pattern: String, in process: Int32) throws -> (id: String, name: String)? {
        let (folder, pattern) = ("/proc/\(process)/task", try Regex(pattern))
        for id in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let text = try? String(contentsOfFile: "\(folder)/\(id)/comm", encoding: .utf8)
            guard let name = text?.trimmingCharacters(in: .newlines) else { continue }
            if name.wholeMatch(of: pattern) != nil { return (id, name) }
        }
        return nil
    }

    /// Stops a thread whose name matches.
    /// - Returns: what lets it go on when it ends.
    private func stop(
        _ thread: String, of daemon: Daemon, _ world: World
    ) async throws -> ServerProcess? {
        var stopper: ServerProcess?
        try await eventually("the thread is stopped") {
            guard let (id, name) = try find(thread, in: daemon.process.pid) else { return false }
            let process = try ServerProcess(
                "python3", arguments: ["-c", Self.stopper, id],
                in: try world.folder.makeFolder("stopper-\(id)-\(UInt32.random(in: 0...(.max)))"))
            try await eventually("it stops, or ends") {
                !process.isRunning || process.logText.contains("stopped")
            }
            // It may have begun another job before it was stopped.
            guard process.logText.contains("stopped \(name)") else { return false }
            stopper = process
            return true
        }
        return stopper
    }

    @Test func `an event loop that stands still for three periods is no reason for a restart`()
        async throws
    {
        let world = try await World()
        let (daemon, systemd) = try world.daemonWithWatchdog(microseconds: 4_000_000)
        try await daemon.ready()
        let stopper = try await stop("NIO-ELT-\\d+-#1", of: daemon, world)
        while !systemd.receive(status: true).isEmpty {}
        for period in 1...3 {
            try await eventually("the watchdog is fed in period \(period)") {
                systemd.receive() == "WATCHDOG=1"
            }
        }
        _ = try await stopper?.terminate()
        #expect(try await daemon.stop() == .code(0))
    }

    /// Calls that the lanes of lookups, loads, statuses and watches answer.
    private func giveWork(to daemon: Daemon) async {
        let coupon = CouponID(7)
        while !Task.isCancelled {
            async let issue = try? daemon.client.issue(
                IssueRequest(coupon: coupon, user: UserID(1)), deadline: .seconds(1))
            async let status = try? daemon.client.status(
                of: coupon, user: UserID(1), deadline: .seconds(1))
            async let events = try? daemon.client.events(
                EventQuestion(.now, waitMilliseconds: 0), deadline: .seconds(1))
            _ = await (issue, status, events)
        }
    }

    @Test(arguments: [
        ("coupond.schedul", "scheduler", nil), ("coupond.events", "events", nil),
        // The second loop of a group: only the group that serves callers has two.
        ("NIO-ELT-\\d+-#1", "event loops", nil),
        // The thread of a lane has its name during a job, and a locked table makes a job last.
        ("coupond.news", "lane news", "coupond.partition"),
        ("coupond.lookups", "lane lookups", "coupond.coupon"),
        ("coupond.loads", "lane loads", "coupond.coupon"),
        ("coupond.statuse", "lane statuses", "coupond.coupon_issue"),
        ("coupond.watches", "lane watches", "coupond.commit_log"),
    ])
    func `the watchdog is not fed while a thread is stopped, and is fed again`(
        thread: String, name: String, table: String?
    ) async throws {
        let world = try await World()
        let (daemon, systemd) = try world.daemonWithWatchdog(microseconds: 200_000)
        func fed() async throws {
            try await eventually("the watchdog is fed") { systemd.receive() == "WATCHDOG=1" }
        }
        try await fed()
        var lock: HeldLock?
        if let table { lock = try await world.hold("LOCK TABLE \(table)") }
        let work = Task { await giveWork(to: daemon) }
        defer { work.cancel() }
        let stopper = try await stop(thread, of: daemon, world)
        work.cancel()
        try await lock?.release()
        try await daemon.process.logs("\"name\":\"\(name)\"")
        try await daemon.process.logs("\"event\":\"threads-stuck\"")
        func isFed() async throws -> Bool {
            // First forget what was sent before.
            while !systemd.receive(status: true).isEmpty {}
            let end = FairClock.now + .milliseconds(600)
            try await eventually("three periods pass") { FairClock.now > end }
            return systemd.receive() != ""
        }
        // The log may name an earlier job that waited for the locked table.
        try await eventually("the watchdog is no longer fed") { try await !isFed() }
        _ = try await stopper?.terminate()
        try await fed()
        #expect(try await daemon.stop() == .code(0))
    }
}

/// Whether this process may stop threads of another process of its user.
private func mayTrace() -> Bool {
    let scope = try? String(contentsOfFile: "/proc/sys/kernel/yama/ptrace_scope", encoding: .utf8)
    return getuid() == 0 || scope == nil || scope == "0\n"
}

extension World {
    /// A daemon whose watchdog has this period, and the socket that it notifies.
    func daemonWithWatchdog(
        microseconds: Int
    ) throws -> (daemon: Daemon, systemd: NotifySocket) {
        let address = folder.file("notify")
        let systemd = try NotifySocket(address)
        let daemon = try Daemon(
            self,
            environment: ["NOTIFY_SOCKET": address, "WATCHDOG_USEC": "\(microseconds)"])
        return (daemon, systemd)
    }
}
