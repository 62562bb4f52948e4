/// The callers of a worker that wait for ISSUED, by partition.
final class Waiters {
    private var lists: [WaitList]
    /// How many callers have expired since the lists were compacted; some may have been answered before.
    private var expired = 0

    init(partitioning: Partitioning) {
        lists = Array(repeating: WaitList(), count: partitioning.count)
    }

    /// How many are in the lists, expired ones included.
    var count: Int { lists.reduce(0) { $0 + $1.count } }

    func register(_ waiter: WaitList.Waiter, isReplay: Bool, in partition: PartitionID) {
        lists[partition.rawValue].register(waiter, isReplay: isReplay)
    }

    /// The answers that an event gives.
    func receive(_ event: CompletionEvent) -> [WaitList.Answer] {
        lists[event.partition.rawValue].receive(event)
    }

    /// The subscription broke or came back: events may be missing.
    func loseTrack(of partition: PartitionID) { lists[partition.rawValue].loseTrack() }

    /// PostgreSQL has gone back, and gives out the same epochs again.
    func restart(_ partition: PartitionID) { lists[partition.rawValue].restart() }

    /// Asks again for waiters without an answer.
    func askAgain(in partition: PartitionID) { lists[partition.rawValue].askAgain() }

    /// The waiters to ask PostgreSQL about now; empty if there are none, or while a question is in flight.
    func dequeueQuestions(of partition: PartitionID) -> [AcceptedRequest] {
        lists[partition.rawValue].dequeueQuestions(limit: 1_000)
    }

    /// PostgreSQL's answer to the last questions; nil if it could not be asked.
    func apply(
        _ decisions: Decisions?, in partition: PartitionID
    ) -> [WaitList.Answer] {
        lists[partition.rawValue].apply(decisions)
    }

    /// A waiter's deadline has passed. It stays in its list, which has no index by ticket.
    func countExpired() { expired += 1 }

    /// Compacts the lists once expired waiters outnumber the others, so they stay bounded in a long outage of
    /// PostgreSQL (promise 10).
    /// - Parameters:
    ///   - remaining: how many callers still wait.
    ///   - isWaiting: whether the caller with this ticket does.
    func dropExpired(remaining: Int, _ isWaiting: (UInt64) -> Bool) {
        guard expired > remaining + 1_000 else { return }
        expired = 0
        for index in lists.indices { lists[index].keep(isWaiting) }
    }
}
