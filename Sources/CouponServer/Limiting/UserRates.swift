/// The rate of each user, over all connections. The table has a fixed size: if two users need the same place,
/// the later one gets it with a full bucket. So no user is limited because of another one.
internal import CouponCore
internal import Synchronization

final class UserRates: Sendable {
    private struct Place {
        var user: Int64 = 0
        var bucket = TokenBucket()
    }

    let rate: Rate
    private let places: Mutex<[Place]>

    /// - Parameters:
    ///   - rate: of one user.
    ///   - capacity: users remembered at most.
    init(_ rate: Rate, capacity: Int = Limits.usersWithRates) {
        self.rate = rate
        places = Mutex(Array(repeating: Place(), count: capacity))
    }

    /// Counts a request.
    /// - Returns: nil if it may go on, else after how many milliseconds the next one may.
    func spend(_ user: UserID, now: MonotonicTime) -> UInt32? {
        places.withLock { places in
            let index = Self.index(of: user, in: places.count)
            if places[index].user != user.rawValue { places[index] = Place(user: user.rawValue) }
            return places[index].bucket.spend(rate, now: now)
        }
    }

    /// Spreads ids that follow each other.
    private static func index(of user: UserID, in count: Int) -> Int {
        let hash = UInt64(bitPattern: user.rawValue) &* 0x9E37_79B9_7F4A_7C15
        return Int((hash >> 32) % UInt64(count))
    }
}
