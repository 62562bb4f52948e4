/// Sizes and forbidden words of all files.
import Testing

/// The formatter keeps code within 100 columns; a comment may be a little longer.
private let longestLine = 110
private let mostLines = 400
private let longestFunction = 70

/// The files that may use `@unchecked Sendable`, with the reasons.
private let uncheckedSendable: [String: String] = [:]

@Suite struct TextTests {
    @Test func `the sources are found`() {
        #expect(SourceFile.swiftSources.count > 20)
        #expect(SourceFile.handwritten.count > SourceFile.swiftFiles.count)
    }

    @Test(arguments: SourceFile.handwritten)
    func `a file is short, narrow and ends in a newline`(_ file: SourceFile) {
        #expect(file.text.hasSuffix("\n") && !file.text.hasSuffix("\n\n"), "\(file.path)")
        #expect(file.lines.count - 1 <= mostLines, "\(file.path) has \(file.lines.count - 1) lines")
        // Tables and links in the documents cannot be broken.
        guard !file.path.hasSuffix(".md") else { return }
        for (index, line) in file.lines.enumerated() where line.count > longestLine {
            Testing.Issue.record("\(file.path):\(index + 1) has \(line.count) columns")
        }
    }

    @Test(arguments: SourceFile.handwritten)
    func `no file has a note about unfinished work`(_ file: SourceFile) {
        // Written in two parts, so that this file passes too.
        for word in ["TO" + "DO", "FIX" + "ME", "XX" + "X:"] {
            #expect(!file.text.contains(word), "\(file.path) says \(word)")
        }
    }

    @Test(arguments: SourceFile.swiftFiles)
    func `a function has at most 70 lines`(_ file: SourceFile) {
        let lines = file.code
        for (start, line) in lines.enumerated() {
            guard let match = line.firstMatch(of: /^( *)(?:[\w@()]+ )*(?:func |init[?(<])/) else {
                continue
            }
            // Up to the next line with the same indentation. If it has no closing brace, there is no body.
            let end = lines[(start + 1)...].firstIndex { line in
                line.contains(/\S/) && !line.hasPrefix(match.1 + " ")
                    && !line.hasPrefix(match.1 + ")")
            }
            guard let end, lines[end].hasPrefix(match.1 + "}") else { continue }
            #expect(
                end - start < longestFunction,
                "\(file.path):\(start + 1) has \(end - start + 1) lines")
        }
    }

    @Test func `the suppressions of the thread sanitizer list every test file with a Mutex`() throws
    {
        let list = try #require(SourceFile.all(below: "Tests", endings: [".suppressions"]).first)
        let listed = list.lines.compactMap {
            $0.wholeMatch(of: /race:(Tests.+)/).map { String($0.1) }
        }
        let sharing = SourceFile.swiftFiles.filter { file in
            file.path.hasPrefix("Tests/") && file.code.contains { $0.contains(/Mutex[<(]/) }
        }
        #expect(listed == sharing.map(\.path).sorted())
    }

    @Test(arguments: SourceFile.swiftSources)
    func `sources do not trap, print or silence the compiler`(_ file: SourceFile) {
        var forbidden = ["try!", "fatalError(", "as! "]
        if !file.module.hasPrefix("coupon") { forbidden += ["print(", "debugPrint(", "dump("] }
        if uncheckedSendable[file.path] == nil { forbidden.append("@unchecked") }
        for (index, line) in file.code.enumerated() {
            for word in forbidden where line.contains(word) {
                Testing.Issue.record("\(file.path):\(index + 1) says \(word)")
            }
        }
    }
}
