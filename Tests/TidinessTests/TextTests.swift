/// Sizes and words: what a reader of any file may count on.
import Testing

/// The formatter keeps code within 100 columns; a comment may run a little over.
private let longestLine = 110
private let mostLines = 400
private let longestFunction = 70

/// Where the compiler is told to trust us, and why it may. Anything else needs a reason here first.
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
    func `nothing is left for later`(_ file: SourceFile) {
        // Written in two parts, so that this file may be judged as well.
        for word in ["TO" + "DO", "FIX" + "ME", "XX" + "X:"] {
            #expect(!file.text.contains(word), "\(file.path) says \(word)")
        }
    }

    @Test(arguments: SourceFile.swiftFiles)
    func `a function fits a screen`(_ file: SourceFile) {
        let lines = file.code
        for (start, line) in lines.enumerated() {
            guard let match = line.firstMatch(of: /^( *)(?:[\w@()]+ )*(?:func |init[?(<])/) else {
                continue
            }
            // Up to the next line that is not further in; where that closes nothing, there is no body.
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

    @Test func `the thread sanitizer is told of every test file that has a Mutex`() throws {
        let list = try #require(SourceFile.all(below: "Tests", endings: [".suppressions"]).first)
        let told = list.lines.compactMap {
            $0.wholeMatch(of: /race:(Tests.+)/).map { String($0.1) }
        }
        let sharing = SourceFile.swiftFiles.filter { file in
            file.path.hasPrefix("Tests/") && file.code.contains { $0.contains(/Mutex[<(]/) }
        }
        #expect(told == sharing.map(\.path).sorted())
    }

    @Test(arguments: SourceFile.swiftSources)
    func `nothing traps, prints, or silences the compiler`(_ file: SourceFile) {
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
