/// A figure of a case, and what it should be.
struct Goal: Sendable, Equatable {
    enum Bound: Sendable, Equatable {
        case atLeast(Double)
        case atMost(Double)
        /// No bound: written down, so that a change is seen.
        case recorded
    }

    enum Kind: Sendable {
        /// A count, a size or an end: the same on every machine.
        case count
        /// Seconds, or a ratio of rates or latencies: a small run on a busy machine says nothing of it.
        case time
    }

    enum Verdict: String, Sendable {
        case met
        case missed = "NOT met"
        case unjudged = "not judged"
        case recorded = ""
    }

    /// Beside the case's name.
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

    /// Epochs of partition 0 from the moment that the case marked.
    static let epochs = count("epochs", .atMost(1))
    /// Lines of all daemons' logs that say so.
    static let sessionsLost = count("sessions_lost", .atMost(0))

    /// What a figure means; nil is a figure that was never reached.
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
        case .atLeast(let least): "≥ \(short(least))"
        case .atMost(let most): "≤ \(short(most))"
        case .recorded: "recorded"
        }
    }
}

/// Three digits that count, and no more than are needed.
func short(_ value: Double) -> String {
    if value.magnitude >= 100 || value == value.rounded() { return String(Int(value.rounded())) }
    let factor = value.magnitude >= 10 ? 10.0 : value.magnitude >= 1 ? 100.0 : 1_000.0
    return String((value * factor).rounded() / factor)
}
