/// A log whose reader is slow, has stopped or has gone.
import CouponCore
import Foundation
import Glibc
import Logging
import Synchronization
import TestSupport
import Testing

@testable import coupond

@Suite(.timeLimit(.minutes(10))) struct LogWriterTests {
    private func line(_ number: Int, _ message: String = "line") -> LogLine {
        LogLine(level: .info, label: "test", message: "\(message) \(number)", values: [])
    }

    @Test func `a stopped reader delays nothing, and dropped lines are counted and reported`()
        async throws
    {
        let pipe = try OnePipe()
        let writer = LogWriter(descriptor: pipe.writing, isJSON: false, limit: 100_000)
        let dropped = Atomic(0)
        writer.countDrops { dropped.add($0, ordering: .relaxed) }
        // A pipe takes 64 KiB, the buffer 100,000 bytes.
        for number in 1...10_000 { writer.add(line(number)) }
        let lost = dropped.load(ordering: .relaxed)
        #expect((5_000..<10_000).contains(lost), "\(lost)")
        writer.flush(withinMilliseconds: 1)
        let text = try await pipe.read(until: "were dropped")
        let written = text.split(separator: "\n").filter { $0.contains(" test: line ") }
        #expect(written.count == 10_000 - lost)
        #expect(written.enumerated().allSatisfy { $1.hasSuffix(" line \($0 + 1)") })
        #expect(text.contains("nobody read them in time lines=\(lost)\n"))
        writer.add(line(1, "again"))
        #expect(try await pipe.read(until: "again 1\n").hasSuffix("test: again 1\n"))
    }

    @Test func `a line that is longer than a pipe is written whole`() async throws {
        let pipe = try OnePipe()
        let writer = LogWriter(descriptor: pipe.writing, isJSON: false)
        let long = String(repeating: "x", count: 300_000)
        writer.add(line(1, long))
        writer.add(line(2, "short"))
        let text = try await pipe.read(until: "short 2\n")
        #expect(text.contains(" test: \(long) 1\n"))
    }

    @Test func `a full descriptor that does not block is waited for`() async throws {
        let pipe = try OnePipe()
        #expect(fcntl(pipe.writing, F_SETFL, O_NONBLOCK) == 0)
        let writer = LogWriter(descriptor: pipe.writing, isJSON: false)
        for number in 1...4_000 { writer.add(line(number)) }
        let text = try await pipe.read(until: "line 4000\n")
        #expect(text.split(separator: "\n").count == 4_000)
    }

    @Test func `a reader that has gone costs only the lines`() async throws {
        _ = signal(SIGPIPE, SIG_IGN)
        let pipe = try OnePipe()
        let writer = LogWriter(descriptor: pipe.writing, isJSON: false)
        let dropped = Atomic(0)
        writer.countDrops { dropped.add($0, ordering: .relaxed) }
        pipe.stopReading()
        for number in 1...10 { writer.add(line(number)) }
        writer.flush(withinMilliseconds: 20_000)
        #expect(dropped.load(ordering: .relaxed) == 10)
    }

    @Test func `repeated lines are reported even if no other line follows`() async throws {
        let pipe = try OnePipe()
        let writer = LogWriter(descriptor: pipe.writing, isJSON: false)
        for _ in 1...3 { writer.add(line(1)) }
        let text = try await pipe.read(until: "repeated=2 times\n")
        #expect(text.split(separator: "\n").count == 2)
    }
}

/// A pipe whose reading end a test reads when it likes.
private final class OnePipe: Sendable {
    let writing: Int32
    private let reading: Int32
    private let isReadable = Atomic(true)

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe(&ends) == 0)
        (reading, writing) = (ends[0], ends[1])
        #expect(fcntl(reading, F_SETFL, O_NONBLOCK) == 0)
    }

    deinit {
        stopReading()
        close(writing)
    }

    func stopReading() {
        if isReadable.exchange(false, ordering: .relaxed) { close(reading) }
    }

    /// Reads on until this text has come.
    func read(until text: String) async throws -> String {
        var bytes: [UInt8] = []
        var found = ""
        try await eventually("\(text) is written") {
            var part = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe Glibc.read(reading, &part, part.count)
            if count > 0 { bytes += part[..<count] }
            found = String(decoding: bytes, as: UTF8.self)
            return found.contains(text)
        }
        return found
    }
}
