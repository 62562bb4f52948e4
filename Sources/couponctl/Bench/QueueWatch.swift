internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization

/// Watches a coupon's queue during the sale: the last commit is often long before the last refusal,
/// and its moment must be known.
final class QueueWatch: Sendable {
    /// A look that found nothing queued, in nanoseconds of the monotonic clock.
    struct Empty: Equatable, Sendable {
        /// When it was asked.
        let asked: UInt64
        /// When the answer was there.
        let seen: UInt64
    }

    private let client: CouponClient
    private let coupon: CouponID
    private let empties = Mutex<[Empty]>([])

    init(_ client: CouponClient, _ coupon: CouponID) {
        self.client = client
        self.coupon = coupon
    }

    /// Looks every few milliseconds until the task is cancelled. A look without an answer says
    /// nothing.
    func run() async {
        repeat {
            let asked = NIODeadline.now().uptimeNanoseconds
            let status = try? await client.status(of: coupon)
            let seen = NIODeadline.now().uptimeNanoseconds
            guard status?.queued == 0 else { continue }
            empties.withLock { $0.append(Empty(asked: asked, seen: seen)) }
        } while (try? await Task.sleep(for: .milliseconds(3))) != nil
    }

    /// When the queue was first seen empty after the last acceptance: from there on it only
    /// shrinks.
    /// - Parameter accepted: in nanoseconds of the monotonic clock; 0 if no user was accepted.
    /// - Returns: Seconds from `accepted` on; nil if there was no acceptance, or a minute was
    ///   not enough.
    func seconds(from accepted: UInt64) async throws -> Double? {
        guard accepted > 0 else { return nil }
        let limit = NIODeadline.now() + .seconds(60)
        while NIODeadline.now() < limit {
            let found = empties.withLock { Self.first($0, after: accepted) }
            if let found { return Double(found.seen - accepted) / 1e9 }
            try await Task.sleep(for: .milliseconds(3))
        }
        return nil
    }

    /// The first look that was asked after a moment.
    static func first(_ empties: [Empty], after moment: UInt64) -> Empty? {
        empties.first { $0.asked > moment }
    }
}
