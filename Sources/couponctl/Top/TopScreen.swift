/// What `couponctl top` shows: a screen of a terminal, or a line for each look.
internal import CouponCore

struct TopScreen {
    /// The size of the terminal, in cells.
    struct Size: Equatable {
        let columns: Int
        let rows: Int
    }

    /// What happened in each second between two looks.
    struct Rates: Equatable {
        let accepted, issued, bounced: Double

        /// - Parameter before: nil at the first look; then nothing is known.
        init(_ now: StatusDocument, since before: StatusDocument?) {
            let seconds = before.map { (Double(now.now) - Double($0.now)) / 1_000 } ?? 0
            func rate(_ value: (StatusDocument) -> Double) -> Double {
                guard let before, seconds > 0 else { return 0 }
                return max(0, (value(now) - value(before)) / seconds)
            }
            accepted = rate(\.accepted)
            issued = rate(\.issued)
            bounced = rate(\.bounced)
        }
    }

    let address: String
    let isColoured: Bool

    /// A screen of at most this size; no line is longer than a row of it.
    func lines(_ now: StatusDocument, since before: StatusDocument?, in size: Size) -> [String] {
        let rates = Rates(now, since: before)
        let open = now.partitions.count(where: \.open)
        let owned = now.partitions.count(where: \.owned)
        let rebuilt = now.partitions.count { $0.rebuild != nil }
        var lines = [
            headline(now, size.columns),
            "",
            fitted(
                "accepted \(Self.number(rates.accepted))/s   issued \(Self.number(rates.issued))/s   "
                    + "bounced \(Self.number(rates.bounced))/s", size.columns),
            fitted(
                "queued \(Self.number(now.queued))   oldest \(Self.duration(now.oldest))   "
                    + "in flight \(Self.number(now.inFlight))   "
                    + "connections \(Self.number(now.connections))", size.columns),
            fitted(
                "partitions \(owned) of \(now.partitions.count) owned, \(open) open"
                    + (rebuilt > 0 ? ", \(rebuilt) rebuilding" : "")
                    + "   memory \(Self.whole(now.memory / 1_048_576)) MiB", size.columns),
            "",
        ]
        let room = max(0, size.rows - lines.count - 1)
        lines += coupons(now, room: room, size.columns)
        return Array(lines.prefix(size.rows))
    }

    private func headline(_ now: StatusDocument, _ columns: Int) -> String {
        let reason = now.trouble ?? now.tablesTrouble
        let state = now.ready ? (reason == nil ? "ready" : "degraded") : "not ready"
        let trouble = reason.map { ": " + $0.safeForTerminal } ?? ""
        let text = fitted("coupond \(now.version) at \(address)   \(state)\(trouble)", columns)
        guard isColoured else { return text }
        // Bold; yellow and red as well if something is wrong.
        let style = now.ready ? (reason == nil ? "1" : "1;33") : "1;31"
        return "\u{1B}[\(style)m\(text)\u{1B}[0m"
    }

    private func coupons(_ now: StatusDocument, room: Int, _ columns: Int) -> [String] {
        guard room > 1, !now.coupons.isEmpty else { return [] }
        var table = Table(header: ["COUPON", "ISSUED", "TOTAL", "STATE", "PROGRESS", "TITLE"])
        for coupon in now.coupons.prefix(room - 1) {
            let share = coupon.total.map { Double(coupon.issued) / Double(max(1, $0)) }
            table.rows.append([
                coupon.id, "\(coupon.issued)", coupon.total.map { "\($0)" } ?? "-",
                coupon.note(now: now.now), share.map { Self.bar($0) } ?? "", coupon.title,
            ])
        }
        return table.lines.map { fitted($0, columns) }
    }

    /// A line for each look, for scripts and logs.
    static func plain(_ now: StatusDocument, since before: StatusDocument?) -> String {
        let rates = Rates(now, since: before)
        let moment = Timestamp(microseconds: whole(Double(now.now) * 1_000)).rfc3339
        return "\(moment) accepted/s \(whole(rates.accepted)) issued/s \(whole(rates.issued)) "
            + "bounced/s \(whole(rates.bounced)) queued \(whole(now.queued)) "
            + "connections \(whole(now.connections)) \(now.ready ? "ready" : "not ready")"
    }

    /// The beginning of a text that fits into so many cells.
    private func fitted(_ text: String, _ columns: Int) -> String {
        guard text.terminalCells > columns else { return text }
        var (fitted, cells) = ("", 0)
        for character in text {
            cells += String(character).terminalCells
            if cells > columns { break }
            fitted.append(character)
        }
        return fitted
    }

    private static func bar(_ share: Double) -> String {
        let width = 20
        let known = min(1, max(0, share))
        let full = Int((known * Double(width)).rounded(.down))
        let percent = "\(Int((known * 100).rounded(.down)))"
        return String(repeating: "#", count: full) + String(repeating: ".", count: width - full)
            + String(repeating: " ", count: 4 - percent.count) + percent + " %"
    }

    private static func duration(_ seconds: Double) -> String {
        seconds < 1 ? "\(whole(seconds * 1_000)) ms" : "\((seconds * 10).rounded() / 10) s"
    }

    /// The program that answers may not be a coupond, so a figure may be of any size.
    private static func whole(_ value: Double) -> Int64 {
        Int64(exactly: value.rounded(.towardZero)) ?? (value > 0 ? .max : value < 0 ? .min : 0)
    }

    /// Rounded, with a blank between thousands.
    static func number(_ value: Double) -> String {
        var rest = Array(String(whole(value.rounded())))
        var parts: [String] = []
        while rest.count > 3 {
            parts.insert(String(rest.suffix(3)), at: 0)
            rest.removeLast(3)
        }
        return ([String(rest)] + parts).joined(separator: " ")
    }
}
