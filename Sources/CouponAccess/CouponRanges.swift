/// The coupons that a principal may touch.
public import CouponDomain

/// Ranges of coupon ids, such as `1-1000,2001`.
public struct CouponRanges: Hashable, Sendable {
    /// In order; none touches another.
    private let ranges: [ClosedRange<Int64>]

    /// From ids and ranges with commas between them; nil if the text is not that.
    public init?(_ text: some StringProtocol) {
        var read: [ClosedRange<Int64>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
                Self.id($0)
            }
            guard (1...2).contains(ends.count), let first = ends[0],
                let last = ends[ends.count - 1],
                first <= last
            else { return nil }
            read.append(first...last)
        }
        var merged: [ClosedRange<Int64>] = []
        for range in read.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound - 1 <= last.upperBound {
                merged[merged.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        ranges = merged
    }

    /// A positive number, written with digits only.
    private static func id(_ text: some StringProtocol) -> Int64? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let id = Int64(text), id > 0
        else { return nil }
        return id
    }

    /// Whether one of the ranges has the coupon.
    public func contains(_ coupon: CouponID) -> Bool {
        let id = coupon.rawValue
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < id { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(id)
    }
}

extension CouponRanges: CustomStringConvertible {
    /// As `init(_:)` reads it.
    public var description: String {
        ranges.map {
            $0.lowerBound == $0.upperBound
                ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }.joined(separator: ",")
    }
}
