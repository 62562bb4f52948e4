/// How far a reader has read the commit log of each partition. As bytes it is a bookmark.
public struct LogPlaces: Equatable, Sendable {
    private static let version: UInt8 = 1

    /// By partition.
    public var places: [PartitionID: LogPlace]

    /// How far somebody has read.
    public init(_ places: [PartitionID: LogPlace]) { self.places = places }

    /// From a bookmark; nil if its bytes have another form.
    public init?(_ bookmark: Bookmark) {
        var bytes = bookmark.bytes[...]
        guard bytes.popFirst() == Self.version else { return nil }
        places = [:]
        while !bytes.isEmpty {
            guard let partition = bytes.popNumber(), let commit = bytes.popNumber(),
                let index = bytes.popNumber(), let moment = bytes.popNumber(),
                partition < Limits.maximumPartitions
            else { return nil }
            let place = LogPlace(
                commit: commit, index: Int(index), committedAt: Timestamp(microseconds: moment))
            guard places.updateValue(place, forKey: PartitionID(Int(partition))) == nil else {
                return nil
            }
        }
    }

    /// Four numbers for each partition.
    public var bookmark: Bookmark {
        var bytes = [Self.version]
        for (partition, place) in places.sorted(by: { $0.key < $1.key }) {
            bytes.append(number: Int64(partition.rawValue))
            bytes.append(number: place.commit)
            bytes.append(number: Int64(place.index))
            bytes.append(number: place.committedAt.microseconds)
        }
        return Bookmark(bytes: bytes)
    }
}

extension [UInt8] {
    /// Seven bits in each byte, the lowest first. The number must not be negative.
    fileprivate mutating func append(number: Int64) {
        var rest = UInt64(clamping: number)
        while rest > 127 {
            append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}

extension ArraySlice<UInt8> {
    /// The next number, 0 to 2^56 - 1; nil if there is none.
    fileprivate mutating func popNumber() -> Int64? {
        var (number, shift) = (Int64(0), Int64(0))
        while let byte = popFirst(), shift < 56 {
            number |= Int64(byte & 127) << shift
            if byte < 128 { return number }
            shift += 7
        }
        return nil
    }
}
