/// The accounts of a load: what users were told, against tables, gate and queue.
import CouponClient
import CouponCore
import CouponWire
import TestSupport
import Testing

extension Load {
    /// A committed issue, read by psql, apart from the code under test.
    struct Row: Equatable {
        let sequence: Int64
        let requestID: String
    }

    /// The committed issues, by user.
    func rows() throws -> [Int64: Row] {
        let text = try world.sql(
            """
            SELECT user_id, sequence, encode(request_id, 'hex') FROM coupond.coupon_issue
            WHERE coupon_id = \(coupon.rawValue)
            """)
        var rows: [Int64: Row] = [:]
        for line in text.split(separator: "\n") {
            let columns = line.split(separator: "|")
            guard let user = Int64(columns[0]), let sequence = Int64(columns[1]) else { continue }
            rows[user] = Row(sequence: sequence, requestID: String(columns[2]))
        }
        return rows
    }

    /// Waits until nothing is queued any more.
    func heal(through daemon: Daemon) async throws {
        try await eventually("coupon \(coupon.rawValue) has nothing queued") {
            let audit = try await daemon.client.audit(coupon)
            return audit.queueRequests == 0 && audit.gate?.queued ?? 0 == 0
        }
    }

    /// Heals, and checks every promise.
    /// - Parameter losses: Redis may have lost what it had acknowledged: an accepted request may
    ///   be gone; what is committed may not.
    func expectBalance(through daemon: Daemon, losses: Bool = false) async throws {
        try await heal(through: daemon)
        let rows = try self.rows()
        #expect(rows.count == total, "the demand exceeds the total, so all of it is sold")
        #expect(Set(rows.values.map(\.sequence)).count == rows.count, "no sequence twice")
        if !losses {
            #expect(rows.values.map(\.sequence).max() == Int64(total), "no sequence is skipped")
        }
        expectPromisesKept(rows, losses: losses)
        if !losses { expectOrder() }
        try await expectAudit(through: daemon, rows: rows.count)
    }

    private func expectAudit(through daemon: Daemon, rows: Int) async throws {
        let audit = try await daemon.client.audit(coupon)
        #expect(audit.accounts.issued == Int64(rows))
        #expect(audit.accounts.coupon.issued == Int64(rows))
        #expect(audit.accounts.rejected == 0)
        #expect(audit.accounts.deadLettered == 0)
        let gate = try #require(audit.gate, "the gate holds the coupon")
        #expect(gate.used == Int64(rows), "used is issued, queued and dead-lettered")
        #expect(audit.gateSaysSoldOut)
    }

    /// What each user was told is what the tables say.
    private func expectPromisesKept(_ rows: [Int64: Row], losses: Bool) {
        let stories = self.stories
        var breaches = users.compactMap { user in
            stories[user]?.breach(of: rows[user], losses: losses).map { "user \(user): \($0)" }
                ?? (stories[user] == nil ? "user \(user) was never asked" : nil)
        }
        for (user, row) in rows where stories[user] == nil {
            breaches.append("a row of user \(user), who never asked: \(row)")
        }
        #expect(breaches.isEmpty, "\(breaches.count) of \(users.count): \(breaches.prefix(5))")
    }

    /// Promise 5: who was answered before another one asked has the lower sequence.
    private func expectOrder() {
        let accepted = stories.values.compactMap { story -> (Int64, sent: Int, known: Int)? in
            guard let sequence = story.sequences.first, let sent = story.firstSent,
                let known = story.sequenceKnown
            else { return nil }
            return (sequence, sent, known)
        }.sorted { $0.0 < $1.0 }
        var latestSent = 0
        for (sequence, sent, known) in accepted {
            #expect(
                known > latestSent, "sequence \(sequence) was known before a lower one was asked")
            latestSent = max(latestSent, sent)
        }
    }
}

extension Load.Story {
    /// How the user's row, or its lack, breaks what the user was told; nil where it does not.
    fileprivate func breach(of row: Load.Row?, losses: Bool) -> String? {
        guard let end else { return "no answer: \(failures.last, default: "none")" }
        if !losses && Set(sequences).count > 1 { return "told several sequences: \(sequences)" }
        switch end {
        case .accepted(let sequence), .issued(let sequence, _):
            guard let row else {
                return losses && !wasToldIssued ? nil : "told \(end), but there is no row"
            }
            if row.sequence != sequence { return "told \(end), but the row is \(row)" }
            if row.requestID != requestID.hex { return "the row is of another request: \(row)" }
            return nil
        case .soldOut:
            if let row { return "told SOLD_OUT, but there is \(row)" }
            return losses || sequences.isEmpty ? nil : "told \(sequences), then SOLD_OUT"
        case .duplicate, .rejected, .notOpen, .ended, .paused, .closed, .notFound:
            return "told \(end)"
        }
    }
}

extension RequestID {
    fileprivate var hex: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
