/// A plain hiredis connection.
internal import CEpoll
internal import CHiredis
internal import Glibc

@safe final class Redis {
    private let context: UnsafeMutablePointer<redisContext>

    init(port: Int) throws {
        guard let context = unsafe redisConnect("127.0.0.1", Int32(port)) else {
            throw BenchmarkError("no memory")
        }
        unsafe self.context = unsafe context
        guard unsafe context.pointee.err == 0 else {
            throw BenchmarkError("cannot connect to Redis")
        }
        _ = unsafe redisSetTimeout(context, timeval(tv_sec: 60, tv_usec: 0))
    }

    deinit { unsafe redisFree(context) }

    /// Runs a command. Returns a string or an integer as text, and nil for any other reply.
    @discardableResult
    func call(_ words: String...) throws -> String? { try call(words) }

    @discardableResult
    func call(_ words: [String]) throws -> String? {
        let copies = unsafe words.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        var arguments = unsafe copies.map { unsafe UnsafePointer($0) }
        guard let raw = unsafe redisCommandArgv(context, Int32(words.count), &arguments, nil) else {
            throw BenchmarkError("Redis closed the connection")
        }
        defer { unsafe freeReplyObject(raw) }
        let reply = unsafe raw.assumingMemoryBound(to: redisReply.self).pointee
        switch unsafe reply.type {
        case REDIS_REPLY_INTEGER: return unsafe String(reply.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return unsafe String(cString: reply.str)
        case REDIS_REPLY_ERROR: throw BenchmarkError(unsafe "Redis: \(String(cString: reply.str))")
        default: return nil
        }
    }
}
