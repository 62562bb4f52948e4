/// A protocol of the load generator. It writes questions by filling in a template, and reads of answers only
/// what it needs to count them.
protocol Dialect {
    /// The length of a question in bytes; all are equally long.
    var questionLength: Int { get }

    /// Writes question `number`.
    /// - Parameters:
    ///   - slot: a number that the answer will have, if the protocol has a field for it.
    ///   - bytes: room for `questionLength` bytes.
    func write(_ number: Int, slot: Int, to bytes: UnsafeMutableRawPointer)

    /// The answer at the beginning of the received bytes; nil if it is not complete.
    func answer(_ bytes: UnsafeRawPointer, count: Int) -> Answer?
}

/// What the generator reads of an answer.
struct Answer {
    /// Its length in bytes.
    let length: Int
    /// The question's slot; nil if answers come in the order of questions.
    let slot: Int?
    /// Its content as a number from 0 to 255.
    let code: Int
}

/// The beginning of a response whose id is a varint of four bytes.
struct ResponseFrame {
    let length: Int
    let id: Int
    /// The first byte of the result's tag; 0 for a short error.
    let tag: UInt8

    /// Nil if the response is not complete.
    init?(_ bytes: UnsafeRawPointer, count: Int) {
        guard count >= 4 else { return nil }
        length = unsafe 4 + Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        guard count >= length else { return nil }
        var id = 0
        for index in 0..<4 {
            let byte = unsafe bytes.load(fromByteOffset: 5 + index, as: UInt8.self)
            id |= Int(byte & 0x7F) << (7 * index)
        }
        self.id = id
        tag = unsafe length >= 13 ? bytes.load(fromByteOffset: 9, as: UInt8.self) : 0
    }
}

/// The code of an answer that is an error.
let errorCode = 255

extension UnsafeMutableRawPointer {
    /// Writes a varint of so many bytes. The value must need exactly as many.
    func writeVarint(_ value: Int, bytes: Int) {
        for index in 0..<bytes {
            let more: UInt8 = index == bytes - 1 ? 0 : 0x80
            unsafe self[index] = UInt8(truncatingIfNeeded: value >> (7 * index)) & 0x7F | more
        }
    }

    fileprivate subscript(index: Int) -> UInt8 {
        get { unsafe load(fromByteOffset: index, as: UInt8.self) }
        nonmutating set { unsafe storeBytes(of: newValue, toByteOffset: index, as: UInt8.self) }
    }
}

/// Users in random order, each once: the murmur finalizer permutes the 32-bit numbers. So indexes are used as
/// by random users, and the same number is the same user for every subject.
func mixedUser(_ number: Int) -> Int {
    var mixed = UInt32(truncatingIfNeeded: number)
    mixed = (mixed ^ (mixed >> 16)) &* 0x85EB_CA6B
    mixed = (mixed ^ (mixed >> 13)) &* 0xC2B2_AE35
    return (1 << 32) + Int(mixed ^ (mixed >> 16))
}
