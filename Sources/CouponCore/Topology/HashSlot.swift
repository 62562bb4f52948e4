/// Where Redis Cluster keeps a key: it spreads 16,384 hash slots over its nodes.

/// A hash slot, by its number.
public struct HashSlot: Hashable, Comparable, Sendable {
    /// How many there are, in every cluster.
    public static let count = 16_384

    /// From 0 to 16,383.
    public let rawValue: Int

    /// - Parameter rawValue: nil if it is not a hash slot's number.
    public init?(_ rawValue: Int) {
        guard (0..<Self.count).contains(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    /// The hash slot of a key: CRC16 of its hash tag, or of the whole key if it has none. The tag is what is
    /// between the first `{` and the next `}`, if that is not empty.
    public init(ofKey key: some StringProtocol) {
        let bytes = Array(key.utf8)
        rawValue = Int(Self.crc16(Self.tag(of: bytes))) % Self.count
    }

    /// The hash slot of all keys and channels of a partition: its number is their hash tag.
    public init(of partition: PartitionID) { self.init(ofKey: String(partition.rawValue)) }

    /// Ascending by number.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    private static func tag(of key: [UInt8]) -> ArraySlice<UInt8> {
        guard let open = key.firstIndex(of: UInt8(ascii: "{")),
            let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        else { return key[...] }
        return key[(open + 1)..<close]
    }

    /// CRC-16/XMODEM: polynomial 0x1021, starting at 0. Without a table: a topology needs it for a few bytes
    /// of each partition, once.
    static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { crc, byte in
            (0..<8).reduce(crc ^ UInt16(byte) << 8) { crc, _ in
                crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021
            }
        }
    }
}
