import CouponClient
import Foundation

/// Gives each order the coupon that it wants, once.
struct Checkout: Sendable {
    let client: CouponClient
    let book: OrderBook

    /// What became of an order: known from before, or asked now.
    func place(_ order: Order) async throws -> Order {
        // Kept before the request goes out: a crash must not forget that it may have been accepted.
        let (known, again) = try await book.begin(order)
        return try await known.decided ? known : settle(known, again: again)
    }

    /// Finds out what became of the orders that the last process left unknown.
    func settleUnknown() async throws {
        for order in await book.unknown { _ = try await place(order) }
    }

    /// - Parameter again: whether the request may have been sent before. Then the gate must be asked, and not
    ///   a daemon that only knows that the coupon is sold out now.
    private func settle(_ order: Order, again: Bool) async throws -> Order {
        var order = order
        let request = IssueRequest(
            coupon: CouponID(order.coupon), user: UserID(order.user), requestID: order.requestID,
            waitFor: .issued)
        do throws(IssueError) {
            let outcome =
                try await again
                ? client.resolve(request)
                : client.issue(request.coupon, to: request.user, requestID: request.requestID)
            order.learn(outcome)
        } catch {
            order.learn(error)
        }
        return try await book.end(order)
    }
}
