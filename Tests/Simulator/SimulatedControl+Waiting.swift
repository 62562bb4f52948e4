/// How a `SimulatedControl` connects to Redis and waits for it. Like `BlockingConnection` with `WhileWaiting`
/// it uses the scheduler's session when that is due (rule 9): before it connects, and whenever it waits for
/// an answer, also if that comes soon. While it connects it cannot.
import CouponCore
import CoreTestKit

extension SimulatedControl {
    /// Uses the session if that is due. The time counts over all connections and calls.
    private func useSession() throws(BackendError) {
        guard let whileWaiting, play.line.now >= dueAt else { return }
        dueAt = play.line.now + Limits.pingMilliseconds * 1_000
        try whileWaiting()
    }

    /// Connects to a server, unless there is a connection.
    func connect(to redis: RedisServer, for name: @autoclosure () -> String) throws(BackendError) {
        guard processes[redis.number] == nil else { return }
        try useSession()
        play.sleep(fiber, play.line.delay())
        if fiber.isDead { throw .redis(.unavailable("dead")) }
        guard redis.isUp, play.reaches(fiber.daemon, redis) else {
            throw lost("Redis is away", name(), redis)
        }
        processes[redis.number] = redis.process
    }

    /// Waits for so long. If the session is lost, the call ends, and its connection with it.
    func wait(_ microseconds: Int64, for redis: RedisServer) throws(BackendError) {
        let end = play.line.now + microseconds
        repeat {
            do throws(BackendError) { try useSession() } catch {
                processes[redis.number] = nil
                throw error
            }
            let next = whileWaiting == nil ? end : min(end, dueAt)
            play.sleep(fiber, next - play.line.now)
        } while play.line.now < end && !fiber.isDead
        if fiber.isDead { throw .redis(.unavailable("dead")) }
    }

    /// What Redis does with a call that it gets over a connection of now, however late.
    func late<Value>(
        _ redis: RedisServer, _ refusal: @escaping (RedisServer) -> String?,
        _ script: @escaping (inout ModelRedis, Timestamp) -> Value
    ) -> () -> Void {
        let process = redis.process
        return { [play] in
            guard redis.isUp, redis.process == process, refusal(redis) == nil else { return }
            play.line.note("redis", "a late call runs")
            _ = redis.run(script)
        }
    }
}
