/// Compares gate, queue and tables once nothing is in flight.
internal import CouponCore

extension HistoryChecker {
    func accountBreaches(_ history: History, _ tables: Tables) -> [Breach] {
        unrest(in: tables) + tables.coupons.flatMap { unbalanced($0, history, tables) }
    }

    /// Partitions and coupons that are not at rest: something is queued, unsettled or not open.
    public func unrest(in tables: Tables) -> [Breach] {
        tables.partitions.compactMap(unsettled)
            + tables.records.filter { $0.value.queued != 0 }.map { coupon, record in
                Breach(.accounts, coupon, [], "the gate counts \(record.queued) queued")
            }
    }

    /// A partition at rest has an open gate with PostgreSQL's epoch, and the gate knows every commit.
    private func unsettled(_ partition: Tables.Partition) -> Breach? {
        let complaint: String?
        if let gate = partition.gate {
            if !gate.isOpen || gate.epoch != partition.epoch {
                complaint = "the gate is not open in epoch \(partition.epoch): \(gate)"
            } else if gate.settled != partition.cursor || gate.entries != 0 {
                complaint = "cursor \(partition.cursor), but \(gate)"
            } else {
                complaint = nil
            }
        } else {
            complaint = "no gate"
        }
        return complaint.map {
            Breach(.accounts, nil, [], "partition \(partition.id.rawValue): \($0)")
        }
    }

    private func unbalanced(
        _ coupon: Tables.CouponRow, _ history: History, _ tables: Tables
    ) -> [Breach] {
        let issues = tables.issues.filter { $0.coupon == coupon.id }
        let (issued, highest) = (Int64(issues.count), issues.map(\.sequence).max() ?? 0)
        let rejected = Int64(tables.rejections.count { $0.coupon == coupon.id })
        let dead = Int64(tables.deadLetters.count { $0.coupon == coupon.id })
        var complaints: [String] = []
        func demand(_ holds: Bool, _ complaint: String) {
            if !holds { complaints.append(complaint) }
        }
        demand(coupon.issued == issued, "its row says \(coupon.issued), there are \(issued) issues")
        let decided = issued + rejected + dead
        let record = tables.records[coupon.id]
        if let record {
            demand(
                record.used == issued + dead,
                "\(record.used) slots are used by \(issued) issued and \(dead) dead-lettered")
            demand(
                record.nextSequence > highest,
                "the next sequence is \(record.nextSequence), and \(highest) is issued")
        }
        if history.losses(of: coupon.id).isEmpty {
            let accepted = record.map { $0.nextSequence - 1 } ?? max(highest, decided)
            demand(
                accepted == decided,
                "accepted \(accepted) = issued \(issued) + rejected \(rejected) + dead \(dead)"
                    + " + lost \(accepted - decided), though nothing may be lost")
        }
        return complaints.map { Breach(.accounts, coupon.id, [], $0) }
    }
}
