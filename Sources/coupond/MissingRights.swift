/// The rights that the daemon's role in PostgreSQL lacks, as the scheduler last saw them.
internal import CouponCore
internal import Logging
internal import Synchronization

final class MissingRights: Sendable {
    private let rights = Mutex<String?>(nil)
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    /// For people; nil if the role has all rights.
    var text: String? {
        rights.withLock { $0 }.map { "the PostgreSQL role lacks rights: \($0)" }
    }

    /// Logs a change.
    func report(_ now: String?) {
        let before = rights.withLock { rights in
            defer { rights = now }
            return rights
        }
        guard now != before else { return }
        if let now {
            logger.warning("the PostgreSQL role lacks rights", metadata: [LogKey.rights: "\(now)"])
        } else {
            logger.notice("the PostgreSQL role has all rights again")
        }
    }
}
