/// A figure of a run, and its bound.
package struct Goal: Sendable, Equatable {
    package enum Bound: Sendable, Equatable {
        case atLeast(Double)
        case atMost(Double)
        /// No bound. The report has it, so that a change can be seen.
        case recorded
    }

    package enum Kind: Sendable {
        /// A count or a size: the same on every machine.
        case count
        /// Seconds, or a ratio of rates or latencies: not comparable in a small run on a busy machine.
        case time
    }

    package enum Verdict: String, Sendable {
        case met
        case missed = "NOT met"
        case unjudged = "not judged"
        case recorded = ""
    }

    /// Its name within the run.
    package let key: String
    package let bound: Bound
    package let kind: Kind
    package let unit: String

    package static func seconds(_ key: String, atMost most: Double) -> Goal {
        Goal(key: key, bound: .atMost(most), kind: .time, unit: "s")
    }

    package static func time(_ key: String, _ bound: Bound, _ unit: String) -> Goal {
        Goal(key: key, bound: bound, kind: .time, unit: unit)
    }

    package static func count(_ key: String, _ bound: Bound, _ unit: String = "") -> Goal {
        Goal(key: key, bound: bound, kind: .count, unit: unit)
    }

    /// - Parameter figure: nil if the run did not reach it.
    package func verdict(of figure: Double?, isSmall: Bool) -> Verdict {
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

    package var text: String {
        switch bound {
        case .atLeast(let least): "≥ \(formatted(least))"
        case .atMost(let most): "≤ \(formatted(most))"
        case .recorded: "recorded"
        }
    }
}

/// At most three significant digits.
package func formatted(_ value: Double) -> String {
    if value.magnitude >= 100 || value == value.rounded() { return String(Int(value.rounded())) }
    let factor = value.magnitude >= 10 ? 10.0 : value.magnitude >= 1 ? 100.0 : 1_000.0
    return String((value * factor).rounded() / factor)
}
