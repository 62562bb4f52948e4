/// What the trail keeps of a coupon, a dead letter or a partition: JSON with the names of the .proto.
package enum TrailDocument {
    /// A coupon; moments are microseconds, as on the wire.
    package static func of(_ coupon: Coupon) -> String {
        object([
            ("id", "\(coupon.id.rawValue)"), ("title", coupon.title.quotedForJSON),
            ("total", coupon.total.map { "\($0)" } ?? "null"),
            ("opens_at", "\(coupon.window.opens.microseconds)"),
            ("closes_at", "\(coupon.window.closes.microseconds)"),
            ("state", coupon.state.name.quotedForJSON), ("version", "\(coupon.version)"),
            ("issued", "\(coupon.issued)"),
        ])
    }

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

    private static func object(_ members: [(name: String, value: String)]) -> String {
        "{" + members.map { $0.name.quotedForJSON + ":" + $0.value }.joined(separator: ",") + "}"
    }
}
