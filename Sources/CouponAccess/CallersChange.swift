/// What a reload of the callers file changes.

/// The principals of which a field or a proof differs between two callers files.
public struct CallersChange: Equatable, Sendable {
    /// The principals of the old file that the new one lacks, or has with other fields or proofs.
    public let before: [Principal]
    /// The principals of the new file that the old one lacked, or had with other fields or proofs.
    public let after: [Principal]

    /// Nil if both say the same.
    public init?(from old: Callers, to new: Callers) {
        let (olds, news) = (old.entries, new.entries)
        before = olds.values.filter { news[$0.principal.name] != $0 }.map(\.principal)
            .sorted { $0.name < $1.name }
        after = news.values.filter { olds[$0.principal.name] != $0 }.map(\.principal)
            .sorted { $0.name < $1.name }
        if before.isEmpty && after.isEmpty { return nil }
    }
}

extension Callers {
    fileprivate struct Entry: Equatable {
        let principal: Principal
        var proofs: Set<Proof> = []
    }

    /// Each principal with its proofs, by name.
    fileprivate var entries: [String: Entry] {
        var entries = Dictionary(
            principals.map { ($0.name, Entry(principal: $0)) }, uniquingKeysWith: { one, _ in one })
        for (proof, index) in known { entries[principals[index].name]?.proofs.insert(proof) }
        return entries
    }
}
