/// A command in Redis' wire form, written into one array.
///
/// hiredis' formatter needs arrays of pointers and costs five times as much; Swift cannot import its variadic
/// functions.
struct Command {
    private var writer: ByteWriter
    private var missing: Int

    /// - Parameters:
    ///   - count: how many arguments follow, including the name.
    ///   - capacity: how many bytes to expect.
    init(argumentCount count: Int, capacity: Int = 256) {
        missing = count
        writer = ByteWriter(capacity: capacity)
        head(UInt8(ascii: "*"), count)
    }

    init(_ words: String...) {
        self.init(argumentCount: words.count)
        for word in words { append(word) }
    }

    /// The finished command.
    var bytes: [UInt8] {
        precondition(missing == 0, "a command has as many arguments as it announced")
        return writer.bytes
    }

    mutating func append(_ text: String) { append(text.utf8) }

    mutating func append(_ number: Int64) { append(String(number).utf8) }

    mutating func append(_ argument: some Collection<UInt8>) {
        append(byteCount: argument.count) { $0.append(argument) }
    }

    /// An argument that `pack` writes in place.
    mutating func append(byteCount: Int, _ pack: (inout ByteWriter) -> Void) {
        precondition(missing > 0, "a command has as many arguments as it announced")
        missing -= 1
        head(UInt8(ascii: "$"), byteCount)
        let start = writer.bytes.count
        pack(&writer)
        precondition(writer.bytes.count == start + byteCount, "an argument is as long as announced")
        writer.append("\r\n".utf8)
    }

    private mutating func head(_ type: UInt8, _ count: Int) {
        writer.append(type)
        writer.append(String(count).utf8)
        writer.append("\r\n".utf8)
    }
}
