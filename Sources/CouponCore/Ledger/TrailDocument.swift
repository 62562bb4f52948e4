/// What the trail keeps of a coupon, a dead letter or a partition: JSON with the names of the .proto.
package enum TrailDocument {
    /// A coupon; moments are microseconds, as on the wire.
    package static func of(_ coupon: Coupon) -> String {
        object(
            [
                ("id", "\(coupon.id.rawValue)"),
                ("title", Coupon.title(coupon.title).quotedForJSON),
                ("total", coupon.total.map { "\($0)" } ?? "null"),
                ("opens_at", "\(coupon.window.opens.microseconds)"),
                ("closes_at", "\(coupon.window.closes.microseconds)"),
                ("state", coupon.state.name.quotedForJSON), ("version", "\(coupon.version)"),
                ("issued", "\(coupon.issued)"),
            ] + (coupon.isArchived ? [("archived", "true")] : []))
    }

    /// What an update asks for; members that it does not change are missing.
    package static func of(_ change: CouponChange) -> String {
        let members: [(name: String, value: String?)] = [
            ("title", change.title.map { Coupon.title($0).quotedForJSON }),
            ("total", change.total.map { total in total.map { "\($0)" } ?? "null" }),
            ("opens_at", change.opens.map { "\($0.microseconds)" }),
            ("closes_at", change.closes.map { "\($0.microseconds)" }),
            ("state", change.state?.name.quotedForJSON),
            ("archived", change.isArchived.map { "\($0)" }),
        ]
        return object(
            members.compactMap { name, value in value.map { (name: name, value: $0) } })
    }

    /// A dead letter of which only the number is known.
    package static func of(deadLetter id: Int64) -> String { object([("dead_letter", "\(id)")]) }

    /// A dead letter.
    package static func of(_ letter: DeadLetter) -> String {
        let accepted = letter.accepted
        return object([
            ("dead_letter", "\(letter.id)"),
            ("user_id", accepted.map { "\($0.user.rawValue)" } ?? "null"),
            ("sequence", accepted.map { "\($0.sequence)" } ?? "null"),
            ("state", letter.state.name.quotedForJSON),
        ])
    }

    /// A partition, and the epoch of its gate if it is known.
    package static func of(_ partition: PartitionID, epoch: Epoch?) -> String {
        object([
            ("partition", "\(partition.rawValue)"), ("epoch", epoch.map { "\($0)" } ?? "null"),
        ])
    }

    /// How many partitions have a term, and the highest one.
    package static func of(partitionsWithTerm partitions: Int, highest: Int64) -> String {
        object([("partitions_with_term", "\(partitions)"), ("highest_term", "\(highest)")])
    }

    /// Which connections, and how many of them were ended if that is known.
    package static func of(_ filter: ConnectionFilter, count: Int?) -> String {
        let members: [(name: String, value: String?)] = [
            ("connection", filter.id.map { "\($0)" }),
            ("principal", filter.principal?.quotedForJSON),
            ("address", filter.address?.quotedForJSON), ("count", count.map { "\($0)" }),
        ]
        return object(
            members.compactMap { name, value in value.map { (name: name, value: $0) } })
    }

    /// The roles of principals, by their names, and how many more principals there are.
    package static func of(rolesOf principals: [(name: String, roles: String)], more: Int) -> String
    {
        object(
            principals.map { (name: $0.name, value: $0.roles.quotedForJSON) }
                // No principal has this name.
                + (more > 0 ? [("+", "\(more)")] : []))
    }

    private static func object(_ members: [(name: String, value: String)]) -> String {
        "{" + members.map { $0.name.quotedForJSON + ":" + $0.value }.joined(separator: ",") + "}"
    }
}
