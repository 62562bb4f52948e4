/// Compares what was issued with the totals, and finds users with two issues or without any.
internal import CouponCore

extension HistoryChecker {
    func quantityBreaches(_ history: History, _ tables: Tables, _ join: Join) -> [Breach] {
        overIssues(history, tables) + duplicates(join) + repeatedSequences(tables)
            + rejections(tables) + earlySoldOuts(history, tables) + unsold(history, tables, join)
    }

    private func overIssues(_ history: History, _ tables: Tables) -> [Breach] {
        let rows = Dictionary(grouping: tables.issues, by: \.coupon).mapValues { Int64($0.count) }
        let last = tables.coupons.map {
            Reading(at: .zero, coupon: $0.id, rows: rows[$0.id] ?? 0, issued: $0.issued)
        }
        let limits = history.offers.compactMapValues { $0 }
        return (history.readings + last).compactMap { reading in
            guard let total = limits[reading.coupon], max(reading.rows, reading.issued) > total
            else { return nil }
            return Breach(
                .overIssue, reading.coupon, [],
                "\(reading.rows) rows, \(reading.issued) issued, of \(total)")
        }
    }

    private func duplicates(_ join: Join) -> [Breach] {
        join.issues.compactMap { wish, rows in
            rows.count == 1
                ? nil
                : Breach(
                    .duplicate, wish.coupon, [wish.user],
                    "has " + rows.map(\.text).joined(separator: " and "))
        }
    }

    private func repeatedSequences(_ tables: Tables) -> [Breach] {
        let slots = Dictionary(grouping: tables.issues) { [$0.coupon.rawValue, $0.sequence] }
        return slots.values.compactMap { rows in
            let users = Set(rows.map(\.user)).sorted()
            guard users.count > 1 else { return nil }
            return Breach(
                .repeatedSequence, rows[0].coupon, users, "all have sequence \(rows[0].sequence)")
        }
    }

    private func rejections(_ tables: Tables) -> [Breach] {
        guard !mayReject else { return [] }
        return (tables.rejections + tables.deadLetters).map {
            Breach(.rejected, $0.coupon, [$0.user], "accepted, and rejected as \($0.text)")
        }
    }

    /// SOLD_OUT before the total was accepted.
    private func earlySoldOuts(_ history: History, _ tables: Tables) -> [Breach] {
        guard !mayReject else { return [] }
        var moments: [CouponID: Timestamp] = [:]
        for (coupon, rows) in Dictionary(grouping: tables.issues, by: \.coupon) {
            guard history.losses(of: coupon).isEmpty, let total = history.offers[coupon] ?? nil,
                rows.count >= total
            else { continue }
            moments[coupon] = rows.compactMap(\.acceptedAt).max()
        }
        return history.calls.compactMap { call in
            guard case .answered(.soldOut) = call.end, let full = moments[call.coupon],
                call.ended.advanced(byMilliseconds: clockSkewMilliseconds) < full
            else { return nil }
            let early = full.milliseconds(since: call.ended)
            return Breach(
                .wrongRefusal, call.coupon, [call.user],
                "got SOLD_OUT \(early) ms before the last unit was accepted")
        }
    }

    /// Users without an issue although stock is left.
    private func unsold(_ history: History, _ tables: Tables, _ join: Join) -> [Breach] {
        let held = Dictionary(grouping: tables.deadLetters, by: \.coupon).mapValues(\.count)
        let sold = Dictionary(grouping: tables.issues, by: \.coupon).mapValues(\.count)
        let users = Dictionary(grouping: history.calls, by: \.coupon).mapValues {
            Set($0.map(\.user))
        }
        return history.offers.compactMap { coupon, total in
            let left = total.map { Int($0) - (sold[coupon] ?? 0) - (held[coupon] ?? 0) }
            guard left ?? 1 > 0 else { return nil }
            let without = (users[coupon] ?? []).filter {
                let wish = Wish(coupon: coupon, user: $0)
                return join.issues[wish] == nil && join.rejections[wish] == nil
            }
            guard !without.isEmpty else { return nil }
            return Breach(
                .unsold, coupon, Array(without.sorted().prefix(10)),
                "\(left.map { "\($0)" } ?? "any number") left, \(without.count) without")
        }
    }
}
