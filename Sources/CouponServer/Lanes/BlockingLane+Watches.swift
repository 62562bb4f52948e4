/// Events for callers that follow them: the lane reads the commit log for one caller after the other, a slice
/// each, and deletes what is too old.
internal import CouponCore
internal import CouponWire
internal import NIOCore

extension BlockingLane {
    /// Reads for one caller, then for the next.
    func answerWatches(of queue: WatchQueue) {
        guard var turn = queue.next() else { return }
        defer { goOn { $0.answerWatches(of: queue) } }
        guard turn.call.presence.isThere else {
            return end(turn, .failure(CallerPresence.gone), queue)
        }
        do throws(BackendError) {
            if let answer = try read(&turn) { return end(turn, answer, queue) }
        } catch {
            return end(turn, .failure(keeper.failure(error)), queue)
        }
        if turn.call.reader?.unread.isEmpty == false { return queue.goOn(turn) }
        queue.wait(turn)
    }

    /// Nil if there are no events so far.
    private func read(_ turn: inout WatchQueue.Turn) throws(BackendError) -> Response.Result? {
        let question = turn.call.question
        var reader: EventReader
        if let known = turn.call.reader {
            reader = known
            for partition in WatchQueue.unseen(turn) { reader.wake(partition) }
        } else {
            reader = EventReader(
                of: question.coupon, limit: question.limit, from: try places(question),
                beginningWith: PartitionID(.random(in: 0..<partitioning.count)))
        }
        turn.call.seen = turn.commits
        let slice = try reader.next(store)
        turn.call.reader = reader
        let isOver = turn.isDraining || clocks.now() >= turn.call.endsAt
        if slice.events.isEmpty, slice.resets.isEmpty, !isOver { return nil }
        let behind = reader.unread.isEmpty ? 0 : reader.behind(try store.newestCommits())
        return .events(
            EventPage(
                events: slice.events, bookmark: LogPlaces(reader.places).bookmark,
                resets: slice.resets, behind: behind))
    }

    /// Where the caller stands in each partition that it follows.
    private func places(
        _ question: EventQuestion
    ) throws(BackendError) -> [PartitionID: LogPlace] {
        let followed = question.coupon.map { [partitioning.partition(of: $0)] } ?? partitioning.all
        switch question.start {
        case .after(let bookmark):
            guard let known = LogPlaces(bookmark)?.places,
                Set(known.keys) == Set(followed)
            else {
                throw .answer(
                    Failure(
                        .invalidArgument,
                        "watch.after: is not a bookmark of a watch of the same coupons"))
            }
            return known
        case .now: return try store.newestCommits().filter { followed.contains($0.key) }
        case .oldest: return try store.oldestCommits().filter { followed.contains($0.key) }
        }
    }

    private func end(_ turn: WatchQueue.Turn, _ result: Response.Result, _ queue: WatchQueue) {
        queue.end(turn)
        let call = turn.call
        call.loopServer.eventLoop.execute {
            call.loopServer.value.endWatch(call.number, of: call.caller, result)
        }
    }

    /// Wakes callers whose partitions have commits that no event has named, and deletes old commits. Called
    /// each second.
    func lookAtLog(of queue: WatchQueue) {
        queue.wakeEnded(now: clocks.now())
        do throws(BackendError) {
            if queue.waiting > 0 {
                let newest = try store.newestCommits()
                for (partition, place) in newest where newestCommits[partition] != place {
                    queue.wake(partition)
                }
                newestCommits = newest
            }
            let owned = partitioning.all.filter { environment.owns($0) }
            if !owned.isEmpty {
                _ = try store.deleteCommits(
                    olderThan: environment.eventRetentionMilliseconds, of: owned,
                    limit: Limits.commitsDeleted)
            }
        } catch {
            _ = keeper.failure(error)
        }
    }
}
