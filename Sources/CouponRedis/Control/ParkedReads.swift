/// Waits for entries in queues. A cluster refuses one XREAD for queues of different hash slots, even if one
/// node has them all; and in a single Redis each look at them would be a round trip.
///
/// Each queue has a connection of its own with an XREAD that blocks in Redis: the read is parked. One poll(2)
/// watches all of them, so the first entry of any queue ends the wait at once. A read stays parked from one
/// wait to the next.
internal import CouponCore
internal import Glibc
internal import Logging

final class ParkedReads {
    private struct Read {
        let connection: BlockingConnection
        /// The position after which it reads; nil if it was answered.
        var after: Position?
        /// When it was sent.
        var sentAt: ContinuousClock.Instant
        /// When its queue was last waited for.
        var wantedAt: ContinuousClock.Instant
    }

    /// How long one read blocks in Redis, in milliseconds.
    private static let blockMilliseconds: Int64 = 5_000
    /// The connection of a queue is closed if nobody has waited for the queue for so long.
    private static let unwantedAfter = Duration.seconds(10)

    private let options: RedisOptions
    private let logger: Logger
    private let whileWaiting: WhileWaiting?
    private var reads: [PartitionID: Read] = [:]
    private var backOff = BackOff()
    /// After a failure no read is parked until then.
    private var mayParkAt = ContinuousClock.now

    init(_ options: RedisOptions, _ logger: Logger, _ whileWaiting: WhileWaiting?) {
        self.options = options
        self.whileWaiting = whileWaiting
        self.logger = logger
    }

    /// Parks reads for queues that have none. The heartbeat finds the entries of a queue that stays without a
    /// read.
    func park(_ queues: [(partition: PartitionID, after: Position)]) {
        let now = ContinuousClock.now
        for (partition, after) in queues where now >= mayParkAt || reads[partition] != nil {
            do throws(BackendError) {
                try park(partition, after, now)
            } catch {
                fail(partition, "\(error)")
            }
        }
        reads = reads.filter { $0.value.wantedAt.duration(to: now) < Self.unwantedAfter }
    }

    private func park(
        _ partition: PartitionID, _ after: Position, _ now: ContinuousClock.Instant
    ) throws(BackendError) {
        var read: Read
        // A read that is parked after an earlier position is answered by the same entries.
        if let parked = reads[partition], parked.after.map({ $0 <= after }) ?? true {
            read = parked
            let longest = Self.blockMilliseconds + options.blockingTimeoutMilliseconds
            // An answer that has arrived, but was not read until now, is not late.
            if read.after != nil, read.sentAt.duration(to: now) > .milliseconds(longest),
                !read.connection.hasInput
            {
                throw .redis(.unavailable("Redis did not answer a read of a queue"))
            }
        } else {
            read = Read(
                connection: try BlockingConnection(options, whileWaiting: whileWaiting),
                after: nil, sentAt: now, wantedAt: now)
        }
        read.wantedAt = now
        if read.after == nil {
            try read.connection.send(
                Command(
                    "XREAD", "COUNT", "1", "BLOCK", String(Self.blockMilliseconds), "STREAMS",
                    Keys.queue(partition), after.description))
            (read.after, read.sentAt) = (after, now)
        }
        reads[partition] = read
    }

    /// What poll(2) watches for these queues.
    func descriptors(of queues: [(partition: PartitionID, after: Position)]) -> [pollfd] {
        queues.compactMap { queue in
            guard let read = reads[queue.partition], read.after != nil else { return nil }
            return pollfd(fd: read.connection.descriptor, events: Int16(POLLIN), revents: 0)
        }
    }

    /// The partitions whose queues have an entry, or must be looked at because their read has failed.
    func grown(_ queues: [(partition: PartitionID, after: Position)]) -> [PartitionID] {
        queues.filter { hasGrown($0.partition, $0.after) }.map(\.partition)
    }

    private func hasGrown(_ partition: PartitionID, _ after: Position) -> Bool {
        guard var read = reads[partition], read.after != nil, read.connection.hasInput else {
            return false
        }
        do throws(BackendError) {
            // Only a part of the answer may be there: the rest follows.
            guard let reply = try read.connection.poll(milliseconds: 1) else { return false }
            if case .error(let text) = reply {
                if ErrorReply.isWrongType(text) {
                    // The queue is not a stream. The next read of it finds that, so do not wait.
                    reads[partition] = nil
                    return true
                }
                throw read.connection.error(text)
            }
            backOff.reset()
            read.after = nil
            reads[partition] = read
            return reply.firstPosition.map { $0 > after } ?? false
        } catch {
            fail(partition, "\(error)")
            return true
        }
    }

    /// Drops a read. Its hash slot may be at another node now, or the node may have become a replica: the
    /// partition's next step finds out.
    private func fail(_ partition: PartitionID, _ reason: String) {
        reads[partition] = nil
        // If a node breaks, all reads at it fail: one line of the log and one pause are enough.
        guard ContinuousClock.now >= mayParkAt else { return }
        if backOff.failures == 0 {
            logger.warning(
                "a queue cannot be watched in Redis: its entries are found a moment later",
                metadata: [
                    LogKey.partition: "\(partition.rawValue)", LogKey.reason: "\(reason)",
                ])
        }
        mayParkAt = .now + .milliseconds(backOff.next())
    }
}

extension Reply {
    /// The position of the first entry in the reply of XREAD; nil if the time was over.
    fileprivate var firstPosition: Position? {
        let entries = elements?.first?.elements?.last?.elements
        return entries?.first?.elements?.first?.text.flatMap { Position($0) }
    }
}
