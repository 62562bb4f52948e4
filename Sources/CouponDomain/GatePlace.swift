/// Where a partition's gate stands: what makes its figures comparable with the tables'.
public struct GatePlace: Equatable, Sendable {
    /// Whether it accepts requests.
    public let isOpen: Bool
    /// Its epoch.
    public let epoch: Epoch
    /// Up to here commits are settled.
    public let settled: Position
    /// The n of the newest entry of this epoch.
    public let tail: Int64

    /// A place.
    public init(isOpen: Bool, epoch: Epoch, settled: Position, tail: Int64) {
        self.isOpen = isOpen
        self.epoch = epoch
        self.settled = settled
        self.tail = tail
    }

    /// Whether nothing is queued.
    public var isDrained: Bool { settled == Position(epoch: epoch, n: tail) }
}
