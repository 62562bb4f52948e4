/// How many files the daemon may have open, and how many of them are left for callers.
internal import Glibc

enum Descriptors {
    /// Raises the limit as far as the system allows.
    /// - Returns: the limit now.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return .max
        }
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 {
            limit = raised
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many callers may be connected at once; below 1 if there is no room.
    /// - Parameter reserve: what the daemon needs for itself.
    static func connections(wanted: Int, limit: Int, reserve: Int) -> Int {
        min(wanted, limit - reserve)
    }
}
