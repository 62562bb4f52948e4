/// What arrives at systemd's end of the socket.
import Foundation
@testable import Systemd
import TestSupport
import Testing

@Suite struct NotifierTests {
    @Test func `a path and an abstract name are both reached`() throws {
        let folder = try TemporaryFolder()
        for address in [folder.file("notify"), "@coupond-test-\(UInt64.random(in: 0...(.max)))"] {
            let systemd = try NotifySocket(address)
            let notifier = Notifier(environment: ["NOTIFY_SOCKET": address])
            try notifier.ready()
            #expect(systemd.receive() == "READY=1")
            try notifier.stopping()
            #expect(systemd.receive() == "STOPPING=1")
            try notifier.alive()
            #expect(systemd.receive() == "WATCHDOG=1")
            try notifier.status("two\nlines")
            #expect(systemd.receive() == "STATUS=two lines")
        }
    }

    @Test func `a reload says when it began`() throws {
        let folder = try TemporaryFolder()
        let systemd = try NotifySocket(folder.file("notify"))
        let before = try monotonicMicroseconds()
        try Notifier(environment: ["NOTIFY_SOCKET": folder.file("notify")]).reloading()
        let after = try monotonicMicroseconds()
        let lines = systemd.receive().split(separator: "\n")
        #expect(lines.first == "RELOADING=1")
        let text = try #require(lines.last?.split(separator: "=").last)
        #expect(try (before...after).contains(#require(Int(text))))
    }

    @Test func `a systemd that does not listen holds nobody up`() throws {
        let folder = try TemporaryFolder()
        let systemd = try NotifySocket(folder.file("notify"))
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": folder.file("notify")])
        #expect(throws: NotifierError(errorNumber: EAGAIN)) {
            for _ in 0..<100_000 { try notifier.alive() }
        }
        #expect(systemd.receive() == "WATCHDOG=1")
    }

    @Test func `without systemd nothing is sent, and nothing fails`() throws {
        try Notifier(environment: [:]).ready()
        try Notifier(environment: ["NOTIFY_SOCKET": "relative"]).ready()
    }

    @Test func `a socket that is gone, or cannot be, is an error`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: NotifierError(errorNumber: ENOENT)) {
            try Notifier(environment: ["NOTIFY_SOCKET": folder.file("nobody")]).ready()
        }
        let long = "/" + String(repeating: "x", count: 200)
        #expect(throws: NotifierError(errorNumber: ENAMETOOLONG)) {
            try Notifier(environment: ["NOTIFY_SOCKET": long]).ready()
        }
    }

    private func monotonicMicroseconds() throws -> Int {
        var now = timespec()
        unsafe try #require(clock_gettime(CLOCK_MONOTONIC, &now) == 0)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
    }
}

@Suite struct EnvironmentTests {
    @Test func `the watchdog is ours or not`() {
        let second = ["WATCHDOG_USEC": "1000000"]
        #expect(Watchdog(environment: second)?.interval == .seconds(1))
        #expect(
            Watchdog(environment: second.merging(["WATCHDOG_PID": "\(getpid())"]) { $1 }) != nil)
        #expect(Watchdog(environment: second.merging(["WATCHDOG_PID": "1"]) { $1 }) == nil)
        #expect(Watchdog(environment: ["WATCHDOG_USEC": "soon"]) == nil)
        #expect(Watchdog(environment: [:]) == nil)
    }
}
