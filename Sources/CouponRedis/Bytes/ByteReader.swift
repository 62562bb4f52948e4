/// Reads the packed layouts of the scripts. It never reads past the end, because the bytes may be damaged.
struct ByteReader {
    private let bytes: [UInt8]
    private var offset: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
    }

    var remaining: Int { bytes.count - offset }

    /// Passes over bytes; `remaining` is below zero if there are fewer.
    mutating func skip(_ count: Int) { offset += count }

    mutating func byte() -> UInt8? {
        guard remaining >= 1 else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) -> T? {
        let size = T.bitWidth / 8
        guard remaining >= size else { return nil }
        defer { offset += size }
        return unsafe bytes.withUnsafeBytes { bytes in
            unsafe T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
        }
    }

    /// A signed 64-bit integer, the most frequent field.
    mutating func int64() -> Int64? { integer(Int64.self) }
}
