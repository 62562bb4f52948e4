/// Users who ask and ask again, for as long as a test needs them in the way.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestWorld

/// Users from 1 on ask for a coupon, each by one request id, until somebody says that it is over. They
/// retry, so that no daemon bounces them.
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
