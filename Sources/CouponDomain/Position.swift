/// The number of a gate's life, raised by PostgreSQL. 0 is before the first.
public typealias Epoch = Int64

/// The place of a queue entry: (epoch, n), n counting 1, 2, 3… without a gap in its epoch.
///
/// Never a clock's value: a stream id made from a clock goes back with it (rule 13).
public struct Position: Hashable, Comparable, Sendable {
    /// The epoch in which the entry was accepted.
    public let epoch: Epoch
    /// The entry's number in its epoch; 0 is before the first.
    public let n: Int64

    /// - Parameters:
    ///   - epoch: the epoch.
    ///   - n: the number in that epoch.
    public init(epoch: Epoch, n: Int64) {
        self.epoch = epoch
        self.n = n
    }

    /// Before every entry.
    public static let zero = Position(epoch: 0, n: 0)

    /// By epoch, then by number.
    public static func < (left: Self, right: Self) -> Bool {
        left.epoch != right.epoch ? left.epoch < right.epoch : left.n < right.n
    }

    /// Whether `next` may follow this one without a gap: the next number, or the first of a later epoch.
    public func isFollowed(by next: Position) -> Bool {
        // Not n + 1, which could overflow: in a damaged queue n may be the largest number.
        next.epoch == epoch ? next.n > 0 && next.n - 1 == n : next.epoch > epoch && next.n == 1
    }
}

extension Position: CustomStringConvertible {
    /// `E-n`, as Redis shows it.
    public var description: String { "\(epoch)-\(n)" }
}
