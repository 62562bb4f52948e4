/// The result of judging a coupon.
public enum Verdict: String, Sendable {
    /// Everything adds up.
    case balanced = "OK"
    /// Everything adds up except for requests that were lost with their gate, as documented.
    case loss = "LOSS"
    /// Something does not add up, and stays so.
    case breach = "BREACH"
    /// The figures moved at every reading.
    case moving = "MOVING"
}

/// Judges readings of one coupon one after the other, until one of them counts.
public struct VerdictFinder: Sendable {
    /// Readings at most.
    private let maximumReadings: Int
    private var readings = 0
    private var last: [String: Int64] = [:]

    /// - Parameter maximumReadings: enough for a change in flight to arrive.
    public init(maximumReadings: Int) { self.maximumReadings = maximumReadings }

    /// The verdict; nil if the coupon must be read again.
    public mutating func verdict(on ledger: LedgerAccounts, _ judge: AccountsJudge) -> Verdict? {
        readings += 1
        let failed = judge.checks.filter { !$0.holds }
        let isOver = readings >= maximumReadings
        if failed.isEmpty {
            guard judge.isComparable else { return isOver ? .moving : nil }
            return ledger.lost == 0 ? .balanced : .loss
        }
        let counts = failed.contains { check in
            switch check.force {
            case .exact: true
            case .repeated: last[check.rule] == check.difference
            case .lasting: isOver
            }
        }
        if counts { return .breach }
        last = Dictionary(
            failed.map { ($0.rule, $0.difference) }, uniquingKeysWith: { first, _ in first })
        return isOver ? .moving : nil
    }
}
