/// A command in Redis' wire form, written straight into bytes.
///
/// hiredis' formatter takes arrays of pointers and costs five times as much; its variadic functions do
/// not import at all.
struct Command {
    private(set) var bytes: [UInt8] = []
    private var missing: Int

    /// - Parameters:
    ///   - count: how many arguments follow, the name included.
    ///   - capacity: how many bytes to expect.
    init(argumentCount count: Int, capacity: Int = 256) {
        missing = count
        bytes.reserveCapacity(capacity)
        head(UInt8(ascii: "*"), count)
    }

    init(_ words: String...) {
        self.init(argumentCount: words.count)
        for word in words { append(word) }
    }

    /// Whether every argument is there.
    var isComplete: Bool { missing == 0 }

    mutating func append(_ text: String) { append(utf8: text.utf8) }

    mutating func append(_ number: Int64) { append(utf8: String(number).utf8) }

    mutating func append(_ argument: [UInt8]) { append(utf8: argument) }

    private mutating func append(utf8 argument: some Collection<UInt8>) {
        precondition(missing > 0, "a command has as many arguments as it announced")
        missing -= 1
        head(UInt8(ascii: "$"), argument.count)
        bytes.append(contentsOf: argument)
        endLine()
    }

    private mutating func head(_ type: UInt8, _ count: Int) {
        bytes.append(type)
        bytes.append(contentsOf: String(count).utf8)
        endLine()
    }

    private mutating func endLine() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }
}
