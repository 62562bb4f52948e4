/// Lines in systemd's journal.
import Foundation
import Logging
import TestSupport
import Testing

@testable import coupond

@Suite struct JournalTests {
    @Test func `the journal reads a descriptor if its device and inode are named`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("", to: "log")
        let file = try #require(FileHandle(forWritingAtPath: path))
        let descriptor = file.fileDescriptor
        var numbers = stat()
        #expect(unsafe fstat(descriptor, &numbers) == 0)
        let stream = "\(numbers.st_dev):\(numbers.st_ino)"
        #expect(Journal.reads(descriptor, environment: ["JOURNAL_STREAM": stream]))
        // A service's child with another standard error inherits the variable.
        #expect(!Journal.reads(descriptor, environment: ["JOURNAL_STREAM": "1:\(numbers.st_ino)"]))
        #expect(!Journal.reads(descriptor, environment: [:]))
    }

    @Test func `a line for the journal begins with its priority`() {
        let priorities: [(Logger.Level, String)] = [
            (.trace, "<7>{"), (.debug, "<7>{"), (.info, "<6>{"), (.notice, "<5>{"),
            (.warning, "<4>{"), (.error, "<3>{"), (.critical, "<2>{"),
        ]
        for (level, prefix) in priorities {
            let line = LogLine(level: level, label: "test", message: "text", values: [])
            let text = String(decoding: line.bytes(isJSON: true, isJournal: true), as: UTF8.self)
            #expect(text.hasPrefix(prefix), "\(text)")
            let plain = String(decoding: line.bytes(isJSON: true), as: UTF8.self)
            #expect(plain.hasPrefix("{"))
        }
    }

    @Test func `a JSON line has the id of its event`() {
        let known = LogLine(level: .info, label: "coupond", message: "listening", values: [])
        let line = String(decoding: known.bytes(isJSON: true), as: UTF8.self)
        #expect(line.contains(",\"event\":\"listening\",\"message\":\"listening\""))
        let unknown = LogLine(level: .info, label: "library", message: "something", values: [])
        #expect(!String(decoding: unknown.bytes(isJSON: true), as: UTF8.self).contains("event"))
    }
}
