/// A figure of a case, and its bound.
struct Goal: Sendable, Equatable {
    enum Bound: Sendable, Equatable {
        case atLeast(Double)
        case atMost(Double)
        /// No bound. The report has it, so that a change can be seen.
        case recorded
    }

    enum Kind: Sendable {
        /// A count or a size: the same on every machine.
        case count
        /// Seconds, or a ratio of rates or latencies: not comparable in a small run on a busy machine.
        case time
    }

    enum Verdict: String, Sendable {
        case met
        case missed = "NOT met"
        case unjudged = "not judged"
        case recorded = ""
    }

    /// Its name within the case.
    let key: String
    let bound: Bound
    let kind: Kind
    let unit: String

    static func seconds(_ key: String, atMost most: Double) -> Goal {
        Goal(key: key, bound: .atMost(most), kind: .time, unit: "s")
    }

    static func time(_ key: String, _ bound: Bound, _ unit: String) -> Goal {
        Goal(key: key, bound: bound, kind: .time, unit: unit)
    }

    static func count(_ key: String, _ bound: Bound, _ unit: String = "") -> Goal {
        Goal(key: key, bound: bound, kind: .count, unit: unit)
    }

    /// Epochs of partition 0 since the case called `markEpochs`.
    static let epochs = count("epochs", .atMost(1))
    /// The lines about a lost session in the logs of all daemons.
    static let sessionsLost = count("sessions_lost", .atMost(0))

    /// - Parameter figure: nil if the case did not reach it.
    func verdict(of figure: Double?, isSmall: Bool) -> Verdict {
        guard let figure else { return bound == .recorded ? .recorded : .missed }
        let isMet: Bool
        switch bound {
        case .recorded: return .recorded
        case .atLeast(let least): isMet = figure >= least
        case .atMost(let most): isMet = figure <= most
        }
        if isSmall && kind == .time { return .unjudged }
        return isMet ? .met : .missed
    }

    var text: String {
        switch bound {
        case .atLeast(let least): "≥ \(formatted(least))"
        case .atMost(let most): "≤ \(formatted(most))"
        case .recorded: "recorded"
        }
    }
}

/// At most three significant digits.
func formatted(_ value: Double) -> String {
    if value.magnitude >= 100 || value == value.rounded() { return String(Int(value.rounded())) }
    let factor = value.magnitude >= 10 ? 10.0 : value.magnitude >= 1 ? 100.0 : 1_000.0
    return String((value * factor).rounded() / factor)
}
