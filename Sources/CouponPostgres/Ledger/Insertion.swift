/// The middle of an issuing transaction: candidates become rows, conflicts, or dead letters.
internal import CouponCore

struct Insertion {
    private let session: Session
    private let statementMilliseconds: Int
    /// What ends the last savepoint; it travels with the next statement.
    private var endOfPart: [Statement] = []
    private(set) var decision: BatchDecision
    private(set) var deadLetters: [NewDeadLetter]
    /// The requests whose rows are inserted, or travel with the COMMIT.
    private(set) var issued: [BatchDecision.Candidate] = []
    /// What is left to run together with the COMMIT.
    private(set) var statements: [Statement] = []

    init(batch: Batch, coupons: [Coupon], session: Session) {
        self.session = session
        statementMilliseconds = batch.statementMilliseconds
        decision = BatchDecision(items: batch.items, coupons: coupons)
        deadLetters = batch.items.flatMap(NewDeadLetter.damaged)
    }

    /// Many candidates are worth a COPY, which waits for the server twice; few go with the COMMIT.
    private static let mostWithCommit = 128

    /// Inserts all in one statement; false if not every candidate became a row.
    /// - Parameter issuedAt: the transaction's time.
    mutating func insertAllOrNothing(issuedAt: Timestamp) throws(BackendError) -> Bool {
        while true {
            let candidates = decision.nextCandidates()
            if candidates.isEmpty { return true }
            if candidates.count <= Self.mostWithCommit {
                statements.append(.insertAllOrFail(candidates))
                issued += candidates
                continue
            }
            let size = rowsPerCopy ?? candidates.count
            for start in stride(from: 0, to: candidates.count, by: size) {
                let part = candidates[start..<min(start + size, candidates.count)]
                guard try copy(part, issuedAt: issuedAt) else { return false }
            }
            issued += candidates
        }
    }

    /// Each COPY has a time limit of its own. So an entry that takes longer than one statement may take is
    /// issued in the end, though it is never split. Nil if all rows go in one COPY.
    private var rowsPerCopy: Int? {
        statementMilliseconds < Limits.longestIssuingMilliseconds ? nil : Limits.rowsPerLongCopy
    }

    /// False if not every candidate became a row.
    private func copy(
        _ candidates: ArraySlice<BatchDecision.Candidate>, issuedAt: Timestamp
    ) throws(BackendError) -> Bool {
        do throws(SQLFailure) {
            let inserted = try session.copy(
                CopiedIssues.sql, CopiedIssues.bytes(candidates, issuedAt: issuedAt))
            return inserted == candidates.count
        } catch {
            if error.blamesData { return false }
            throw .postgres(PostgresFault(error))
        }
    }

    /// First looks for users who have a row, then finds the requests that cannot be inserted.
    ///
    /// The coupons are locked, so no other transaction adds rows. If PostgreSQL refuses every row, a batch
    /// needs two statements for each. So all of them together have the time of one statement: the other
    /// partitions wait, and a smaller batch needs less.
    mutating func insertCarefully() throws(BackendError) {
        let end = ContinuousClock.now + .milliseconds(statementMilliseconds)
        while true {
            var candidates = decision.nextCandidates()
            if candidates.isEmpty { return try finishPart() }
            while !candidates.isEmpty {
                let free = try withoutConflicts(candidates)
                var users: Set<Holder> = []
                let first = free.filter { users.insert(Holder($0)).inserted }
                try insert(first[...], until: end)
                // A user's second request is tried after the first one was inserted or refused.
                users.removeAll()
                candidates = free.filter { !users.insert(Holder($0)).inserted }
            }
        }
    }

    private struct Holder: Hashable {
        let coupon: CouponID
        let user: UserID

        init(_ candidate: BatchDecision.Candidate) {
            coupon = candidate.accepted.coupon
            user = candidate.accepted.user
        }
    }

    /// The candidates without a row; the decision gets the conflicts of the others.
    private mutating func withoutConflicts(
        _ candidates: [BatchDecision.Candidate]
    ) throws(BackendError) -> [BatchDecision.Candidate] {
        try finishPart()
        let rows = try session.run(.find(candidates))
        var met: Set<Int> = []
        for row in 0..<rows.count {
            let index = Int(rows.integer(row, 0)) - 1
            let candidate = candidates[index]
            met.insert(index)
            decision.conflict(
                candidate,
                with: AcceptedRequest(
                    coupon: candidate.accepted.coupon, user: candidate.accepted.user,
                    sequence: rows.integer(row, 1), requestID: rows.requestID(row, 2)))
        }
        return candidates.indices.filter { !met.contains($0) }.map { candidates[$0] }
    }

    /// Inserts under a savepoint; a part that is refused for its data is halved until it is one request.
    private mutating func insert(
        _ candidates: ArraySlice<BatchDecision.Candidate>, until end: ContinuousClock.Instant
    ) throws(BackendError) {
        if candidates.isEmpty { return }
        guard ContinuousClock.now < end else {
            throw .postgres(
                .tooSlow(
                    "the search for refused rows takes longer than \(statementMilliseconds) ms"))
        }
        let statements = endOfPart + ["SAVEPOINT part", .insert(candidates)]
        endOfPart = ["ROLLBACK TO part", "RELEASE part"]
        let rejection: String
        do throws(SQLFailure) {
            let inserted = try session.attempt(statements).affected
            if inserted == candidates.count {
                endOfPart = ["RELEASE part"]
                issued += candidates
                return
            }
            rejection = "PostgreSQL did not insert it, and gave no error"
        } catch {
            guard error.blamesData else { throw .postgres(PostgresFault(error)) }
            rejection = error.message
        }
        if candidates.count == 1, let candidate = candidates.first {
            decision.deadLetter(candidate)
            deadLetters.append(NewDeadLetter(candidate, error: rejection))
            return
        }
        let middle = candidates.startIndex + candidates.count / 2
        try insert(candidates[..<middle], until: end)
        try insert(candidates[middle...], until: end)
    }

    private mutating func finishPart() throws(BackendError) {
        if endOfPart.isEmpty { return }
        do { _ = try session.attempt(endOfPart) } catch { throw .postgres(PostgresFault(error)) }
        endOfPart = []
    }
}

/// A request that could not be issued, or an entry that could not be read.
struct NewDeadLetter {
    let position: Position
    let accepted: AcceptedRequest?
    let acceptedAt: Timestamp?
    let bytes: [UInt8]?
    let error: String

    /// A request that PostgreSQL refuses.
    init(_ candidate: BatchDecision.Candidate, error: String) {
        position = candidate.position
        accepted = candidate.accepted
        acceptedAt = candidate.acceptedAt
        bytes = nil
        self.error = error
    }

    private init(_ damaged: DamagedEntry, accepted: AcceptedRequest?) {
        position = damaged.position
        self.accepted = accepted
        acceptedAt = nil
        bytes = damaged.bytes
        error = damaged.reason
    }

    /// One for each known holder of a damaged entry; one without a user if nobody is known.
    static func damaged(_ item: QueueItem) -> [NewDeadLetter] {
        guard case .damaged(let damaged) = item else { return [] }
        if damaged.holders.isEmpty { return [NewDeadLetter(damaged, accepted: nil)] }
        return damaged.holders.map { NewDeadLetter(damaged, accepted: $0) }
    }
}
