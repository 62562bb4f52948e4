/// The text of log lines.
import Foundation
import Logging
import TestSupport
import Testing

@testable import coupond

@Suite struct LogTests {
    @Test func `a JSON line is one JSON object, whatever is logged`() throws {
        let nasty = "a \"quote\", a \\, a\nbreak, \u{1} and é"
        let line = try logged(isJSON: true) {
            $0.warning("\(nasty)", metadata: ["user": "\(nasty)"])
        }
        #expect(line.filter { $0 == "\n" }.count == 1)
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["message"] as? String == nasty)
        #expect(object["level"] as? String == "warning")
        #expect(object["logger"] as? String == "test")
        #expect((object["metadata"] as? [String: String])?["user"] == nasty)
        let time = try #require(object["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil)
    }

    @Test func `a text line stays one line`() throws {
        let line = try logged(isJSON: false) {
            $0.info("two\nlines", metadata: ["b": "2", "a": "1"])
        }
        #expect(line.hasSuffix("Z info test: two lines a=1 b=2\n"))
        let escape = try logged(isJSON: false) { $0.info("a\u{1B}[2J", metadata: ["a": "\u{9B}"]) }
        #expect(escape.hasSuffix("Z info test: a\\u{1b}[2J a=\\u{9b}\n"))
    }

    @Test func `a line below the level is not written`() throws {
        #expect(try logged(isJSON: true) { $0.debug("hidden") } == "")
    }

    private func logged(isJSON: Bool, _ body: (Logger) -> Void) throws -> String {
        let folder = try TemporaryFolder()
        let path = try folder.write("", to: "log")
        let file = try #require(FileHandle(forWritingAtPath: path))
        let writer = LogWriter(descriptor: file.fileDescriptor, isJSON: isJSON)
        body(Logger(label: "test") { LineLogHandler(label: $0, level: .info, writer: writer) })
        writer.flush(withinMilliseconds: 20_000)
        try file.close()
        return try String(contentsOfFile: path, encoding: .utf8)
    }
}
