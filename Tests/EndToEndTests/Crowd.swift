/// Users who ask repeatedly, to keep a coupon busy during a test.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestWorld

/// Users 1 to `users` ask for a coupon, each with one request id, until `isOver`. All are retries, so no
/// daemon bounces them.
func crowd(
    of users: Int64, for coupon: CouponID, _ daemons: [Daemon],
    until isOver: @escaping @Sendable () async -> Bool
) async {
    await withTaskGroup(of: Void.self) { tasks in
        for lane in 0..<6 {
            tasks.addTask {
                while await !isOver(), !Task.isCancelled {
                    for user in stride(from: Int64(lane) + 1, through: users, by: 6) {
                        let client = daemons[Int(user) % daemons.count].client
                        _ = try? await client.issue(
                            IssueRequest(
                                coupon: coupon, user: UserID(user),
                                requestID: RequestID(high: UInt64(user), low: 0, length: 8),
                                attempt: 1), deadline: .seconds(5))
                    }
                }
            }
        }
    }
}
