/// A protocol as the load generator speaks it: questions are stamped out of a form, answers are read no
/// further than is needed to count them.
protocol Dialect {
    /// The bytes of a question; all are equally long.
    var questionLength: Int { get }

    /// Writes question `number`.
    /// - Parameters:
    ///   - slot: a number that the answer will carry, where the protocol has a place for it.
    ///   - bytes: with room for `questionLength`.
    func write(_ number: Int, slot: Int, to bytes: UnsafeMutableRawPointer)

    /// The answer at the beginning of what was received; nil where it is not whole yet.
    func answer(_ bytes: UnsafeRawPointer, count: Int) -> Answer?
}

/// What the generator notes of an answer.
struct Answer {
    /// Its bytes.
    let length: Int
    /// Of the question; nil where answers come in the order of questions.
    let slot: Int?
    /// What it says, 0 to 255.
    let code: Int
}

/// The code of an answer that is an error.
let errorCode = 255

extension UnsafeMutableRawPointer {
    /// Writes a varint of so many bytes; the value must need exactly as many.
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

/// Users in no order, each once: the murmur finalizer permutes the 32-bit numbers. So indexes are met as
/// strangers meet them, and the same number is the same user for every subject.
func user(_ number: Int) -> Int {
    var mixed = UInt32(truncatingIfNeeded: number)
    mixed = (mixed ^ (mixed >> 16)) &* 0x85EB_CA6B
    mixed = (mixed ^ (mixed >> 13)) &* 0xC2B2_AE35
    return (1 << 32) + Int(mixed ^ (mixed >> 16))
}
