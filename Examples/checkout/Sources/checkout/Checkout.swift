import CouponClient
import Foundation

/// Gives each order the coupon that it wants, once.
struct Checkout: Sendable {
    let client: CouponClient
    let book: OrderBook

    /// What became of an order: known from before, or asked now.
    func place(_ order: Order) async throws -> Order {
        if let known = await book[order.order] {
            return try await known.decided ? known : settle(known, again: true)
        }
        // Before the request goes out: a crash must not forget that it may have been accepted.
        try await book.keep(order)
        return try await settle(order, again: false)
    }

    /// Finds out what became of the orders that the last process left unknown.
    func settleUnknown() async throws {
        for order in await book.unknown { _ = try await settle(order, again: true) }
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
            if case .notIssued = error {
                // Nothing was accepted: the next try is a first one.
                try await book.forget(order)
                return order
            }
        }
        try await book.keep(order)
        return order
    }
}
