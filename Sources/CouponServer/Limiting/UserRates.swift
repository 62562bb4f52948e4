/// The rate of each user, over all connections. The table has a fixed size: if three users need the same two
/// places, one begins again with a full bucket. So no user is limited because of another one. Nobody can
/// choose users who need the same places, because each process spreads them in another way.
internal import CouponCore
internal import Synchronization

final class UserRates: Sendable {
    private struct Place {
        var user: Int64 = 0
        var bucket = TokenBucket()
    }

    /// A part of the table, with a lock of its own: event loops seldom wait for each other.
    private final class Part: Sendable {
        let places: Mutex<[Place]>

        init(_ count: Int) { places = Mutex(Array(repeating: Place(), count: count)) }
    }

    let rate: Rate
    private let parts: [Part]
    private let placesOfPart: Int

    /// - Parameters:
    ///   - rate: of one user.
    ///   - capacity: users remembered at most.
    init(_ rate: Rate, capacity: Int = Limits.usersWithRates) {
        self.rate = rate
        let count = min(64, max(1, capacity / 64))
        placesOfPart = max(2, capacity / count / 2 * 2)
        parts = (0..<count).map { [placesOfPart] _ in Part(placesOfPart) }
    }

    /// Counts a request.
    /// - Returns: nil if it may go on, else after how many milliseconds the next one may.
    func spend(_ user: UserID, now: MonotonicTime) -> UInt32? {
        // Seeded for each process.
        let hash = UInt(bitPattern: user.rawValue.hashValue)
        let part = parts[Int(hash % UInt(parts.count))]
        let first = Int(hash / UInt(parts.count) % UInt(placesOfPart / 2)) * 2
        return part.places.withLock { places in
            let index =
                places[first].user == user.rawValue
                    || places[first + 1].user != user.rawValue
                        && places[first].bucket.isFuller(than: places[first + 1].bucket)
                ? first : first + 1
            if places[index].user != user.rawValue { places[index] = Place(user: user.rawValue) }
            return places[index].bucket.spend(rate, now: now)
        }
    }
}
